    -- The schema: ours, or nobody's yet.
    v_schema := coalesce(nullif(current_setting('leasehold.schema', true), ''), 'leasehold');
    if octet_length(v_schema) > 63 or v_schema ~ '^pg_' or v_schema = 'information_schema' then
        raise exception 'schema name % cannot be used', to_json(v_schema)
            using errcode = 'LH010', hint = 'Give the setting leasehold.schema a name of at most 63 bytes that does not begin with pg_.';
    end if;
    if current_setting('server_version_num')::integer < 140000 then
        raise exception 'PostgreSQL % is too old', current_setting('server_version')
            using errcode = 'LH017', hint = 'Leasehold needs PostgreSQL 14 or later.';
    end if;

    -- One installer at a time; the others wait here, and find it done.
    perform pg_advisory_xact_lock(hashtextextended(v_schema, hashtextextended('leasehold.install', 0)));

    if exists (select from pg_namespace as n where n.nspname = v_schema) then
        if not exists (
            select from pg_namespace as n where n.nspname = v_schema and pg_get_userbyid(n.nspowner) = current_user
        ) then
            raise exception 'schema % belongs to %', to_json(v_schema), (
                select pg_get_userbyid(n.nspowner) from pg_namespace as n where n.nspname = v_schema
            )
                using errcode = 'LH009',
                      hint = 'Install as its owner, or choose another name with the setting leasehold.schema.';
        end if;
        v_ours := to_regclass(format('%I.manifest', v_schema)) is not null and to_regclass(format('%I.migration', v_schema)) is not null;
        if v_ours then
            execute format('select count(*) = 0 from %I.migration', v_schema) into v_done;
            v_ours := not v_done;
        end if;
        select string_agg(f.name, ', ' order by f.name) into v_foreign
        from (
            select c.relname::text as name
            from pg_class as c
            join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname = v_schema and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c') and not v_ours
            union all
            select p.proname::text
            from pg_proc as p
            join pg_namespace as n on n.oid = p.pronamespace
            where n.nspname = v_schema and not v_ours
            union all
            select t.typname::text
            from pg_type as t
            join pg_namespace as n on n.oid = t.typnamespace
            where n.nspname = v_schema and t.typtype in ('d', 'e', 'r') and not v_ours
            limit 5
        ) as f;
        if v_foreign is null and v_ours then
            execute format(
                $foreign$
                    select string_agg(f.name, ', ' order by f.name)
                    from (
                        select case when c.relkind = 'S' then 'sequence ' when c.relkind = 'v' then 'view ' else 'table ' end || c.relname as name
                        from pg_class as c
                        where c.relnamespace = %1$L::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
                            and not exists (
                                select from %1$I.manifest as m where m.kind in ('table', 'view', 'sequence') and m.name = c.relname
                            )
                        union all
                        select 'function ' || p.proname
                        from pg_proc as p
                        where p.pronamespace = %1$L::regnamespace
                            and not exists (select from %1$I.manifest as m where m.kind = 'function' and split_part(m.name, '(', 1) = p.proname)
                        limit 5
                    ) as f
                $foreign$, v_schema
            ) into v_foreign;
        end if;
        if v_foreign is not null then
            raise exception 'schema % holds what is not Leasehold''s: %', to_json(v_schema), v_foreign
                using errcode = 'LH009',
                      hint = 'Move it elsewhere, or choose another name with the setting leasehold.schema.';
        end if;
    else
        execute format('create schema %I', v_schema);
        v_ours := false;
    end if;

    if v_ours then
        execute format('select max(m.number) from %I.migration as m', v_schema) into v_migrated;
        if v_migrated > v_migrations then
            raise exception 'schema % is newer than this file: migration % against %', to_json(v_schema), v_migrated, v_migrations
                using errcode = 'LH017', hint = 'Use the leasehold.sql of the version that installed it, or a later one.';
        end if;
        -- the very same build, untouched since: nothing to do
        execute format('select exists (select from %I.manifest as m where m.kind = ''build'' and m.definition = %L)', v_schema, v_build) into v_done;
        if v_done and to_regprocedure(format('%I.verify()', v_schema)) is not null
            and to_regprocedure(format('%I._inventory(text)', v_schema)) is not null then
            execute format('select not exists (select from %I.verify() as d)', v_schema) into v_done;
            if v_done then
                raise notice 'leasehold % is installed in schema %', v_version, to_json(v_schema);
                return;
            end if;
        end if;
    end if;

    -- Names inside are unqualified; what functions pin is taken from here.
    v_path := current_setting('search_path');
    perform set_config('search_path', format('%I, pg_temp', v_schema), true);
    v_bodies := current_setting('check_function_bodies');
    perform set_config('check_function_bodies', 'off', true);
    v_messages := current_setting('client_min_messages');
    perform set_config('client_min_messages', 'warning', true);
