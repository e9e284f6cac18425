create or replace function _inventory(schema_name text)
returns table (kind text, name text, definition text)
language sql
stable
-- with nothing else in the path every name in a definition comes with its schema, which is then taken out
set search_path to pg_catalog, pg_temp
-- and the caller's style must not show, either
set quote_all_identifiers to off
set intervalstyle to postgres
set datestyle to iso
as $_inventory$
    with here as (
        select n.oid, n.nspacl, n.nspowner, quote_ident(n.nspname) || '.' as prefix
        from pg_namespace as n
        where n.nspname = schema_name
    ), routine as (
        select p.oid, p.proname || '(' || replace(pg_get_function_identity_arguments(p.oid), h.prefix, '') || ')' as signature
        from pg_proc as p
        join here as h on h.oid = p.pronamespace
    ), acl as (
        select 'function ' || r.signature as object, p.proacl as acl, 'f' as letter, p.proowner as owner
        from pg_proc as p
        join routine as r on r.oid = p.oid
        union all
        select
            case when c.relkind = 'S' then 'sequence ' else 'table ' end || c.relname,
            c.relacl, case when c.relkind = 'S' then 's' else 'r' end, c.relowner
        from pg_class as c
        join here as h on h.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'S')
        union all
        select 'type ' || t.typname, t.typacl, 'T', t.typowner
        from pg_type as t
        join here as h on h.oid = t.typnamespace
        join pg_class as c on c.oid = t.typrelid and c.relkind = 'c'
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
        'function' as kind,
        r.signature as name,
        replace(concat_ws(
            E'\n', pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname, p.provolatile, p.prosecdef,
            replace(p.proconfig::text, quote_ident(schema_name), '@')
        ), h.prefix, '') || E'\n' || p.prosrc as definition
    from pg_proc as p
    join here as h on h.oid = p.pronamespace
    join routine as r on r.oid = p.oid
    join pg_language as l on l.oid = p.prolang
    union all
    select
        case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end,
        c.relname,
        case c.relkind
            when 'v' then replace(pg_get_viewdef(c.oid), h.prefix, '')
            when 'S' then concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle)
            else concat_ws(' ', c.reloptions::text, case when c.relrowsecurity or c.relforcerowsecurity then 'row level security' end)
        end
    from pg_class as c
    join here as h on h.oid = c.relnamespace
    left join pg_sequence as s on s.seqrelid = c.oid
    where c.relkind in ('r', 'p', 'v', 'S')
    union all
    select
        case when c.relkind = 'c' then 'attribute' else 'column' end,
        c.relname || '.' || a.attname,
        replace(concat_ws(
            ' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
            case when a.attcollation <> t.typcollation then 'collate ' || l.collname end,
            nullif(a.attidentity, ''), pg_get_expr(d.adbin, d.adrelid)
        ), h.prefix, '')
    from pg_class as c
    join here as h on h.oid = c.relnamespace
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type as t on t.oid = a.atttypid
    left join pg_collation as l on l.oid = a.attcollation
    left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relkind in ('r', 'p', 'c')
    union all
    select 'index', c.relname, replace(pg_get_indexdef(c.oid), h.prefix, '')
    from pg_class as c
    join here as h on h.oid = c.relnamespace
    join pg_index as i on i.indexrelid = c.oid and i.indisvalid
    union all
    select 'constraint', c.conname, replace(pg_get_constraintdef(c.oid), h.prefix, '')
    from pg_constraint as c
    join here as h on h.oid = c.connamespace
    -- since PostgreSQL 18 not null is one, too; the columns say so already
    where c.contype <> 'n'
    union all
    select 'rule', c.relname || '.' || r.rulename, replace(pg_get_ruledef(r.oid), h.prefix, '')
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
    select 'trigger', t.tgname, replace(pg_get_triggerdef(t.oid), h.prefix, '')
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
    join here as h on h.oid = c.relnamespace
    where not t.tgisinternal
    union all
    select
        'grant',
        a.object || ' to ' || coalesce(replace(g.rolname, schema_name || '_', '@'), 'public'),
        string_agg(e.privilege_type, ', ' order by e.privilege_type)
    from acl as a
    cross join lateral aclexplode(coalesce(a.acl, acldefault(a.letter::"char", a.owner))) as e
    left join pg_roles as g on g.oid = e.grantee
    where e.grantee <> a.owner
    group by a.object, g.rolname
$_inventory$;

comment on function _inventory(text) is 'Everything in a schema, one row an object, in words that do not name the schema: two installations can be compared.';
