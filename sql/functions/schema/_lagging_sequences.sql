create or replace function _lagging_sequences(schema_name text, thorough boolean)
returns table (name text, number bigint)
language plpgsql
stable
set search_path to pg_catalog, pg_temp
as $_lagging_sequences$
declare
    v_source    record;
    v_max       bigint;
begin
    for v_source in
        select
            s.oid::regclass as sequence, s.relname as name,
            array_agg(format('%I.%I', schema_name, c.relname)) as tables, array_agg(a.attname) as columns
        from (
            -- the columns that record numbers drawn from a sequence
            values
                ('number_seq', 'lane', 'number', false), ('number_seq', 'watermark', 'seen_number', false),
                ('number_seq', 'lane_cache', 'seen_number', false), ('number_seq', 'job', 'number', true),
                ('fence_seq', 'watermark', 'fence', false), ('fence_seq', 'heartbeat', 'fence', false),
                ('fence_seq', 'leased', 'fence', false), ('fence_seq', 'job', 'fence', true),
                ('fence_seq', 'archive', 'fence', true)
            union all
            select q.relname, t.relname, b.attname, false
            from pg_class as t
            join pg_attribute as b on b.attrelid = t.oid and b.attidentity <> ''
            join pg_depend as d
                on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid and d.refobjsubid = b.attnum
                and d.classid = 'pg_class'::regclass and d.deptype = 'i'
            join pg_class as q on q.oid = d.objid and q.relkind = 'S'
            where t.relnamespace = (select n.oid from pg_namespace as n where n.nspname = schema_name)
        ) as o (sequence_name, table_name, column_name, costly)
        -- These joins drop what does not exist: verify() must report damage, not fail on it.
        join pg_namespace as n on n.nspname = schema_name
        join pg_class as s on s.relnamespace = n.oid and s.relname = o.sequence_name and s.relkind = 'S'
        join pg_class as c on c.relnamespace = n.oid and c.relname = o.table_name and c.relkind = 'r'
        join pg_attribute as a on a.attrelid = c.oid and a.attname = o.column_name and not a.attisdropped
        where thorough or not o.costly
        group by s.oid, s.relname
    loop
        number := 0;
        for v_at in 1 .. cardinality(v_source.tables) loop
            execute format('select max(%I) from %s', v_source.columns[v_at], v_source.tables[v_at]) into v_max;
            -- the ids of rows that invalidate watermarks have 2^62 added (_invalidation_id)
            if v_max >= 4611686018427387904 then
                execute format(
                    'select max(%1$I %% 4611686018427387904) from %2$s', v_source.columns[v_at], v_source.tables[v_at]
                ) into v_max;
            end if;
            number := greatest(number, v_max);
        end loop;
        if number > coalesce(pg_sequence_last_value(v_source.sequence), 0) then
            name := v_source.name;
            return next;
        end if;
    end loop;
end
$_lagging_sequences$;

comment on function _lagging_sequences(text, boolean) is
    'Returns the sequences that would draw numbers that rows have already, and the highest of these numbers. This '
    'happens when rows were replicated, or restored in part, without their sequences. thorough: reads all jobs, the '
    'archive included; otherwise only columns that have an index or belong to small tables.';
