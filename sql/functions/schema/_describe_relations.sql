create or replace function _describe_relations(schema_oid oid)
returns table (kind text, name text, definition text)
language sql
stable
as $_describe_relations$
    select
        o.type,
        c.relname::text,
        case c.relkind
            when 'v' then concat_ws(' ', c.reloptions::text, pg_get_viewdef(c.oid))
            when 'S' then
                concat_ws(
                    ' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle
                )
            else
                concat_ws(
                    ' ', c.reloptions::text,
                    case when c.relrowsecurity or c.relforcerowsecurity then 'row level security' end,
                    (
                        select string_agg('inherits ' || b.relname, ' ' order by b.relname)
                        from pg_inherits as i
                        join pg_class as b on b.oid = i.inhparent
                        where i.inhrelid = c.oid
                    )
                )
        end
    from pg_class as c
    cross join lateral pg_identify_object('pg_class'::regclass, c.oid, 0) as o
    left join pg_sequence as s on s.seqrelid = c.oid
    where c.relnamespace = schema_oid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
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
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type as t on t.oid = a.atttypid
    left join pg_collation as l on l.oid = a.attcollation
    left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = schema_oid and c.relkind in ('r', 'p', 'c')
    union all
    select 'index', c.relname::text, pg_get_indexdef(c.oid, 0, true)
    from pg_class as c
    join pg_index as i on i.indexrelid = c.oid and i.indisvalid
    where c.relnamespace = schema_oid
$_describe_relations$;

comment on function _describe_relations(oid) is
    'The part of _list_objects for tables, views, sequences, their columns, the attributes of types, and indexes.';
