create or replace function _list_objects(schema_name text, group_roles jsonb)
returns table (kind text, name text, definition text)
language sql
stable
set search_path to pg_catalog, pg_temp
-- the settings of the caller must not show in definitions
set quote_all_identifiers to off
set intervalstyle to postgres
set datestyle to iso
-- Bound to the functions below when it is created, as verify() is: they cannot be dropped without it.
begin atomic
    -- While the schema is in the path, until this function ends, definitions name its objects without the schema.
    select set_config('search_path', format('%I, pg_temp', schema_name), true);

    with here as (
        select n.oid
        from pg_namespace as n
        where n.nspname = schema_name -- noqa: RF03
    )

    select
        o.kind,
        o.name,
        o.definition
    from here as h
    cross join lateral (
        select * from _describe_functions(h.oid)
        union all
        select * from _describe_relations(h.oid)
        union all
        select * from _describe_constraints(h.oid)
        union all
        select * from _describe_grants(h.oid, group_roles)
        union all
        -- types, and anything else that a schema can contain
        select
            i.type as kind,
            coalesce(i.name, i.identity) as name,
            '' as definition
        from pg_depend as d
        cross join lateral pg_identify_object(d.classid, d.objid, 0) as i
        where
            d.refclassid = 'pg_namespace'::regclass and d.refobjid = h.oid and d.deptype = 'n'
            and d.classid not in ('pg_class'::regclass, 'pg_proc'::regclass)
    ) as o;
end;

comment on function _list_objects(text, jsonb) is
    'Lists everything in a schema, one row per object. Names and definitions contain neither the name of the schema '
    'nor those of its group roles (group_roles: the result of _group_roles), so that two installations can be '
    'compared.';
