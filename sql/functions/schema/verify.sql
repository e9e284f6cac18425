create or replace function verify()
returns setof discrepancy
language sql
stable
security definer
set search_path from current
-- Bound to the objects of this schema when it is created, not by the path, so that it works after a rename as well.
begin atomic
    with here as (
        select n.nspname::text as name
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        where c.oid = 'manifest'::regclass
    ),

    found as (
        select i.*
        from here as h
        cross join lateral _list_objects(h.name, _group_roles(h.name)) as i
    ),

    expected as (
        select m.*
        from manifest as m
        where m.kind <> 'build'
    ),

    -- rows that must exist
    counted as (
        select
            'key_slot' as name,
            count(*) as found,
            16384 as needed
        from key_slot as s
        where s.slot between 0 and 16383
        union all
        select
            'secret' as name,
            count(*) as found,
            1 as needed
        from secret
        union all
        select
            'cycle_gate' as name,
            count(*) as found,
            1 as needed
        from cycle_gate
    )

    select
        coalesce(e.kind, f.kind) as kind,
        coalesce(e.name, f.name) as name,
        case when f.name is null then 'missing' when e.name is null then 'left over' else 'changed' end as problem
    from expected as e
    full join found as f on e.kind = f.kind and e.name = f.name
    where e.definition is distinct from f.definition
    union all
    select
        'row' as kind,
        k.name,
        'missing' as problem
    from counted as k
    where k.found < k.needed
    union all
    select
        'sequence' as kind,
        l.name,
        'behind its tables' as problem
    from here as h
    cross join lateral _lagging_sequences(h.name, false) as l
    order by 1, 2;
end;

comment on function verify() is
    'Compares the installation with the manifest that the installer wrote, and returns what is missing, changed or '
    'left over: functions, tables, columns, indexes, constraints, types, views, grants, rows that must exist. It also '
    'returns sequences that lag behind the rows that they numbered. No rows: nothing differs. After the schema was '
    'renamed, it reports the differences until leasehold.sql is run again; that also sets sequences.';
