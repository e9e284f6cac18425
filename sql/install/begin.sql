    -- The schema either is Leasehold's already or belongs to nothing else yet.
    v_schema := coalesce(nullif(current_setting('leasehold.schema', true), ''), 'leasehold');
    -- Names of group roles of a schema pg would begin with pg_. $user has a meaning of its own in a search_path, even
    -- quoted.
    if octet_length(v_schema) > 63 or v_schema ~ '^pg(_|$)' or v_schema in ('information_schema', '$user') then
        raise exception 'schema name % is not allowed', to_json(v_schema)
            using errcode = 'LH010', detail = '{"argument": "leasehold.schema"}',
                  hint = 'Set leasehold.schema to a name of at most 63 bytes. It must not be pg, $user or '
                      'information_schema, and must not begin with pg_.';
    end if;
    if current_setting('server_version_num')::integer < 140000 then
        raise exception 'PostgreSQL % is too old', current_setting('server_version')
            using errcode = 'LH017', hint = 'Leasehold needs PostgreSQL 14 or later.';
    end if;

    select n.oid, pg_get_userbyid(n.nspowner) into v_schema_oid, v_owner
    from pg_namespace as n
    where n.nspname = v_schema;
    if v_schema_oid is null then
        begin
            execute format('create schema %I', v_schema);
        exception
            -- Another installer has created it; this one waited until that transaction ended.
            when unique_violation or duplicate_schema then
                null;
        end;
        select n.oid, pg_get_userbyid(n.nspowner) into v_schema_oid, v_owner
        from pg_namespace as n
        where n.nspname = v_schema;
    end if;
    if v_schema_oid is null then
        raise exception 'another installer has changed schema %', to_json(v_schema)
            using errcode = '40001', hint = 'Run the file again in a new transaction: this one cannot see the changes.';
    elsif v_owner <> current_user then
        raise exception 'schema % belongs to %', to_json(v_schema), v_owner
            using errcode = 'LH009',
                  hint = 'Install as its owner, or choose another name with the setting leasehold.schema.';
    end if;

    -- Only one installer runs at a time. The others wait here, and then find the work done. The locks are of a kind
    -- that only the owner can hold; any role can hold an advisory lock.
    for v_at in 1 .. 2 loop
        v_installed := (
            select count(*) = 2
            from pg_class as c
            join pg_attribute as a on a.attrelid = c.oid
            where c.relnamespace = v_schema_oid
                and (c.relname, a.attname) in (('migration', 'number'), ('manifest', 'definition'))
        );
        exit when v_installed or v_at = 2;
        -- There is no table yet. COMMENT locks the schema, here only against another installer.
        execute format('comment on schema %I is %L', v_schema, obj_description(v_schema_oid, 'pg_namespace'));
    end loop;
    if v_installed then
        begin
            execute format('lock table %I.manifest in share row exclusive mode nowait', v_schema);
        exception
            when lock_not_available then
                execute format('lock table %I.manifest in share row exclusive mode', v_schema);
                v_waited := true;
        end;
    else
        -- to_regclass sees the catalogs as they are now, not as the snapshot of this transaction shows them.
        v_waited := to_regclass(format('%I.manifest', v_schema)) is not null;
    end if;
    if v_waited and current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        raise exception 'another installer has changed schema %', to_json(v_schema)
            using errcode = '40001', hint = 'Run the file again in a new transaction: this one cannot see the changes.';
    end if;

    -- Read which migrations were applied, and which objects are known to be Leasehold's.
    if v_installed then
        execute format('select max(m.number) from %I.migration as m', v_schema) into v_migrated;
    end if;
    if v_migrated > v_migrations then
        raise exception 'schema % is newer than this file: it has migration %, the file ends at %',
            to_json(v_schema), v_migrated, v_migrations
            using errcode = 'LH017', hint = 'Use the leasehold.sql of the version that installed it, or a later one.';
    end if;
    if v_migrated is not null then
        execute format(
            'select array_agg(m.kind || '' '' || quote_ident(split_part(m.name, ''('', 1))) from %I.manifest as m',
            v_schema
        ) into v_known;
        execute format(
            'select m.name, m.definition = %L from %I.manifest as m where m.kind = ''build''', v_build, v_schema
        ) into v_before_version, v_same;
        v_same := coalesce(v_same, false);
    end if;
    select string_agg(f.name, ', ' order by f.name) into v_foreign
    from (
        select pg_describe_object(d.classid, d.objid, 0) as name
        from pg_depend as d
        cross join lateral pg_identify_object(d.classid, d.objid, 0) as o
        left join pg_proc as p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
        where d.refclassid = 'pg_namespace'::regclass and d.refobjid = v_schema_oid and d.deptype = 'n'
            and o.type || ' ' || coalesce(quote_ident(p.proname), o.name, o.identity) <> all (coalesce(v_known, '{}'))
        limit 5
    ) as f;
    if v_foreign is not null then
        raise exception 'schema % contains objects that are not part of Leasehold: %', to_json(v_schema), v_foreign
            using errcode = 'LH009',
                  hint = 'Move them to another schema, or choose another name with the setting leasehold.schema.';
    end if;

    -- Nothing is left to do if this same build is installed without damage and every group role has its rights.
    -- verify() is trusted only if all function bodies are those of this file.
    v_makes_roles := (select r.rolsuper or r.rolcreaterole from pg_roles as r where r.rolname = current_user);
    if v_same and (
        select count(*) = cardinality(v_functions)
        from unnest(v_function_names, v_functions) as f (name, source)
        join pg_proc as p on p.pronamespace = v_schema_oid and p.proname = f.name and position(p.prosrc in f.source) > 0
    ) then
        execute format(
            $done$
                select not exists (select from %1$I.verify()) and not exists (
                    select from jsonb_object_keys(%1$I._group_roles(%1$L)) as g (name)
                    left join pg_roles as r on r.rolname = g.name
                    where case
                        when r.oid is null then $1
                        else r.oid <> all (
                            select a.grantee from pg_namespace as n, aclexplode(n.nspacl) as a where n.oid = $2
                        )
                    end
                )
            $done$, v_schema
        ) into v_done using v_makes_roles, v_schema_oid;
        if v_done then
            v_told := format(
                'leasehold %s is current in schema %s: nothing was changed', v_version, to_json(v_schema)
            );
            exit installing;
        end if;
    end if;

    -- The sources do not qualify names, and functions pin the path that is set here. The settings of the session are
    -- restored at the end.
    select jsonb_object_agg(s.name, current_setting(s.name)) into v_settings
    from unnest(
        array['search_path', 'check_function_bodies', 'client_min_messages', 'quote_all_identifiers']
    ) as s (name);
    if v_settings ->> 'quote_all_identifiers' = 'on' then
        perform set_config('quote_all_identifiers', 'off', true);
    end if;
    perform set_config('search_path', format('%I, pg_temp', v_schema), true);
    perform set_config('check_function_bodies', 'off', true);
    perform set_config('client_min_messages', 'warning', true);

    -- For an upgrade, record every object as the installed release describes it.
    if v_migrated is not null and not v_same and to_regprocedure('_list_objects(text, jsonb)') is not null
        and to_regprocedure('_group_roles(text)') is not null then
        v_before := (
            select jsonb_object_agg(i.kind || ' ' || i.name, i.definition)
            from _list_objects(v_schema, _group_roles(v_schema)) as i
        );
    end if;
