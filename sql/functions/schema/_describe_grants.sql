create or replace function _describe_grants(schema_oid oid, group_roles jsonb)
returns table (kind text, name text, definition text)
language sql
stable
as $_describe_grants$
    with acl as (
        select
            format('function %s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) as object, p.proacl as acl,
            'f' as letter, p.proowner as owner
        from pg_proc as p
        where p.pronamespace = schema_oid
        union all
        select
            case when c.relkind = 'S' then 'sequence ' else 'table ' end || c.relname,
            c.relacl, case when c.relkind = 'S' then 's' else 'r' end, c.relowner
        from pg_class as c
        where c.relnamespace = schema_oid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        union all
        select 'type ' || t.typname, t.typacl, 'T', t.typowner
        from pg_type as t
        left join pg_class as c on c.oid = t.typrelid
        where t.typnamespace = schema_oid and (c.relkind = 'c' or t.typtype = 'd')
        union all
        select 'schema', n.nspacl, 'n', n.nspowner
        from pg_namespace as n
        where n.oid = schema_oid
        union all
        select 'column ' || c.relname || '.' || a.attname, a.attacl, 'c', c.relowner
        from pg_class as c
        join pg_attribute as a on a.attrelid = c.oid and a.attacl is not null
        where c.relnamespace = schema_oid
    )
    select
        'grant',
        a.object || ' to ' || coalesce('@' || (group_roles ->> g.rolname), g.rolname, 'public'),
        string_agg(
            e.privilege_type || case when e.is_grantable then ' with grant option' else '' end, ', '
            order by e.privilege_type
        )
    from acl as a
    cross join lateral aclexplode(coalesce(a.acl, acldefault(a.letter::"char", a.owner))) as e
    left join pg_roles as g on g.oid = e.grantee
    where e.grantee <> a.owner
    group by a.object, g.rolname
$_describe_grants$;

comment on function _describe_grants(oid, jsonb) is
    'The part of _list_objects for rights: one row for each object and each role that has rights on it, the owner '
    'aside. A group role is named by its purpose, as @worker.';
