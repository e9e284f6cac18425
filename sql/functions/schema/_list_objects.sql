create or replace function _list_objects(schema_name text, group_roles jsonb)
returns table (kind text, name text, definition text)
language plpgsql
stable
set search_path to pg_catalog, pg_temp
-- the caller's style must not show
set quote_all_identifiers to off
set intervalstyle to postgres
set datestyle to iso
as $_list_objects$
begin
    -- with the schema in the path, until the end of this function, no name in a definition comes with the schema's
    perform set_config('search_path', format('%I, pg_temp', schema_name), true);
    return query
    with here as (
        select n.oid, n.nspacl, n.nspowner
        from pg_namespace as n
        where n.nspname = schema_name
    ), routine as (
        select p.*, format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) as signature
        from pg_proc as p
        join here as h on h.oid = p.pronamespace
    ), acl as (
        select 'function ' || r.signature as object, r.proacl as acl, 'f' as letter, r.proowner as owner
        from routine as r
        union all
        select
            case when c.relkind = 'S' then 'sequence ' else 'table ' end || c.relname,
            c.relacl, case when c.relkind = 'S' then 's' else 'r' end, c.relowner
        from pg_class as c
        join here as h on h.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        union all
        select 'type ' || t.typname, t.typacl, 'T', t.typowner
        from pg_type as t
        join here as h on h.oid = t.typnamespace
        left join pg_class as c on c.oid = t.typrelid
        where c.relkind = 'c' or t.typtype = 'd'
        union all
        select 'schema', h.nspacl, 'n', h.nspowner
        from here as h
        union all
        select 'column ' || c.relname || '.' || a.attname, a.attacl, 'c', c.relowner
        from pg_class as c
        join here as h on h.oid = c.relnamespace
        join pg_attribute as a on a.attrelid = c.oid and a.attacl is not null
    )
    select
        'function',
        r.signature,
        concat_ws(
            E'\n', pg_get_function_arguments(r.oid), pg_get_function_result(r.oid), l.lanname, r.prokind, r.provolatile, r.prosecdef,
            array_to_string(array_replace(r.proconfig, format('search_path=%I, pg_temp', schema_name), 'search_path=@, pg_temp'), ', '),
            coalesce(pg_get_function_sqlbody(r.oid), r.prosrc)
        )
    from routine as r
    join pg_language as l on l.oid = r.prolang
    union all
    select
        o.type,
        c.relname::text,
        case c.relkind
            when 'v' then concat_ws(' ', c.reloptions::text, pg_get_viewdef(c.oid))
            when 'S' then concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle)
            else concat_ws(
                ' ', c.reloptions::text, case when c.relrowsecurity or c.relforcerowsecurity then 'row level security' end,
                (select string_agg('inherits ' || b.relname, ' ' order by b.relname) from pg_inherits as i join pg_class as b on b.oid = i.inhparent where i.inhrelid = c.oid)
            )
        end
    from pg_class as c
    join here as h on h.oid = c.relnamespace
    cross join lateral pg_identify_object('pg_class'::regclass, c.oid, 0) as o
    left join pg_sequence as s on s.seqrelid = c.oid
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select
        case when c.relkind = 'c' then 'attribute' else 'column' end,
        c.relname || '.' || a.attname,
        concat_ws(
            ' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
            case when a.attcollation <> t.typcollation then 'collate ' || l.collname end,
            nullif(a.attidentity, ''), pg_get_expr(d.adbin, d.adrelid)
        )
    from pg_class as c
    join here as h on h.oid = c.relnamespace
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type as t on t.oid = a.atttypid
    left join pg_collation as l on l.oid = a.attcollation
    left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relkind in ('r', 'p', 'c')
    union all
    select 'index', c.relname::text, pg_get_indexdef(c.oid, 0, true)
    from pg_class as c
    join here as h on h.oid = c.relnamespace
    join pg_index as i on i.indexrelid = c.oid and i.indisvalid
    union all
    select 'constraint', c.conname::text, pg_get_constraintdef(c.oid)
    from pg_constraint as c
    join here as h on h.oid = c.connamespace
    -- since PostgreSQL 18 not null is one, too; the columns say so already
    where c.contype <> 'n'
    union all
    select 'rule', c.relname || '.' || r.rulename, pg_get_ruledef(r.oid, true)
    from pg_rewrite as r
    join pg_class as c on c.oid = r.ev_class
    join here as h on h.oid = c.relnamespace
    where r.rulename <> '_RETURN'
    union all
    select 'policy', c.relname || '.' || y.polname, concat_ws(' ', y.polcmd, pg_get_expr(y.polqual, y.polrelid))
    from pg_policy as y
    join pg_class as c on c.oid = y.polrelid
    join here as h on h.oid = c.relnamespace
    union all
    select
        'trigger',
        t.tgname::text,
        concat_ws(' ', pg_get_triggerdef(t.oid, true), case t.tgenabled when 'A' then 'always' when 'R' then 'replica' when 'D' then 'disabled' end)
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
    join here as h on h.oid = c.relnamespace
    where not t.tgisinternal
    union all
    -- types, and whatever else can stand in a schema
    select o.type, coalesce(o.name, o.identity), ''
    from here as h
    join pg_depend as d on d.refclassid = 'pg_namespace'::regclass and d.refobjid = h.oid and d.deptype = 'n'
    cross join lateral pg_identify_object(d.classid, d.objid, 0) as o
    where d.classid not in ('pg_class'::regclass, 'pg_proc'::regclass)
    union all
    select
        'grant',
        a.object || ' to ' || coalesce('@' || (group_roles ->> g.rolname), g.rolname, 'public'),
        string_agg(e.privilege_type || case when e.is_grantable then ' with grant option' else '' end, ', ' order by e.privilege_type)
    from acl as a
    cross join lateral aclexplode(coalesce(a.acl, acldefault(a.letter::"char", a.owner))) as e
    left join pg_roles as g on g.oid = e.grantee
    where e.grantee <> a.owner
    group by a.object, g.rolname;
end
$_list_objects$;

comment on function _list_objects(text, jsonb) is
    'Everything in a schema, one row an object, in words that name neither the schema nor its group roles (as _group_roles has them): two '
    'installations can be compared.';
