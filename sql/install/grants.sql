    -- All rights are defined here. PUBLIC has none, the four groups have those listed, and helpers (names that begin
    -- with _) and tables belong to the owner alone.
    v_everyone := array['error_codes', 'require_api', 'schema_version'];
    v_groups := jsonb_build_object(
        'submitter', array['job', 'submit', 'submit_many'],
        'worker', array[
            'wakeup_channel', 'checkpoint', 'checkpoints', 'complete', 'extend', 'extend_many', 'fail', 'get_work',
            'hold_lease', 'job', 'lease_status', 'next_due', 'release', 'reschedule', 'results', 'settle', 'sweep',
            'turn'
        ],
        'reader', array['job', 'setting', 'settings', 'verify', 'why_not_running'],
        'operator', array[
            'cancel', 'complete_unheld', 'fail_unheld', 'job', 'job_payload', 'redrive', 'redrive_many',
            'reschedule_unheld', 'set_setting', 'setting', 'settings', 'sweep', 'verify', 'why_not_running'
        ]
    );
    v_readers := array['reader', 'operator'];

    -- Find roles that have the name of a group role and were not created by Leasehold. Its own roles are marked by
    -- their comments, which every database of the server sees. A role with rights on the schema was given them by the
    -- owner. Members of any other role, and sessions that log in as it, would get rights that nobody meant to grant.
    with theirs as (
        select
            r.rolname::text as name,
            r.rolcanlogin or exists (
                select from pg_auth_members as m
                -- Since PostgreSQL 16 the creator of a role is a member that neither inherits its rights nor may
                -- SET ROLE to it.
                where m.roleid = r.oid
                    and not coalesce(to_jsonb(m) @> '{"inherit_option": false, "set_option": false}', false)
            ) as is_used
        from jsonb_object_keys(_group_roles(v_schema)) as g (name)
        join pg_roles as r on r.rolname = g.name and r.rolname <> current_user
        where coalesce(shobj_description(r.oid, 'pg_authid'), '') not like 'Leasehold group role:%'
            and r.oid <> all (
                select a.grantee from pg_namespace as n, aclexplode(n.nspacl) as a where n.oid = v_schema_oid
            )
    )
    select array_agg(t.name order by t.name), array_agg(t.name order by t.name) filter (where t.is_used)
    into v_adopted, v_used
    from theirs as t;
    if v_used is not null
        and lower(coalesce(current_setting('leasehold.adopt_roles', true), '')) not in ('on', 'true', 'yes', '1') then
        raise exception 'existing roles that are in use have the names of group roles: %', array_to_string(v_used, ', ')
            using errcode = 'LH009', detail = jsonb_build_object('roles', v_used)::text,
                  hint = 'Rename them, or choose another schema. To give these roles and their members the rights of '
                      'the group roles, set leasehold.adopt_roles to on and run the file again.';
    end if;

    for v_name in
        select g.name from jsonb_object_keys(_group_roles(v_schema)) as g (name)
        where v_makes_roles and not exists (select from pg_roles as r where r.rolname = g.name)
    loop
        begin
            execute format('create role %I nologin', v_name);
            execute format(
                'comment on role %I is %L', v_name, 'Leasehold group role: ' || (_group_roles(v_schema) ->> v_name)
            );
        exception
            -- An installer in another database of this server has just created it.
            when duplicate_object or unique_violation then
                null;
        end;
    end loop;

    -- Revoke all rights from PUBLIC and the group roles, and from no other role: the owner may have granted rights to
    -- others.
    for v_name in
        select 'public'
        union all
        select quote_ident(r.rolname)
        from jsonb_object_keys(_group_roles(v_schema)) as g (name)
        join pg_roles as r on r.rolname = g.name and r.rolname <> current_user
    loop
        execute format('revoke all on schema %I from %s cascade', v_schema, v_name);
        execute format('revoke all on all tables in schema %I from %s cascade', v_schema, v_name);
        execute format('revoke all on all sequences in schema %I from %s cascade', v_schema, v_name);
        execute format('revoke all on all functions in schema %I from %s cascade', v_schema, v_name);
        for v_statement in
            select format('revoke all on type %I from %s cascade', t.typname, v_name)
            from pg_type as t
            left join pg_class as c on c.oid = t.typrelid
            where t.typnamespace = v_schema_oid and (c.relkind = 'c' or t.typtype = 'd')
        loop
            execute v_statement;
        end loop;
    end loop;

    for v_statement in
        with granted as (
            select r.rolname as role, g.word
            from jsonb_each_text(_group_roles(v_schema)) as g (name, word)
            join pg_roles as r on r.rolname = g.name
        )
        select format('grant usage on schema %I to %I', v_schema, g.role)
        from granted as g
        union all
        select format('grant execute on function %s to %I', p.oid::regprocedure, g.role)
        from granted as g
        join pg_proc as p
            on p.pronamespace = v_schema_oid and (p.proname = any (v_everyone) or v_groups -> g.word ? p.proname)
        union all
        select format('grant select on %I to %I', w.name, g.role)
        from granted as g
        cross join unnest(v_view_names) as w (name)
        where g.word = any (v_readers) and w.name <> 'submission'
        union all
        -- RETURNING needs SELECT, although the view is always empty
        select format('grant select, insert on submission to %I', g.role)
        from granted as g
        where v_groups -> g.word ? 'submit'
    loop
        execute v_statement;
    end loop;
