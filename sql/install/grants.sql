    -- Rights, in one place. PUBLIC has none; the four groups have what is listed here; helpers (_ first) and tables are the owner's alone.
    v_everyone := array['error_codes', 'require_api', 'schema_version'];
    v_groups := jsonb_build_object(
        'submitter', array['job', 'submit', 'submit_many'],
        'worker', array[
            'wakeup_channel', 'checkpoint', 'checkpoints', 'complete', 'extend', 'extend_many', 'fail', 'get_work', 'hold_lease', 'job',
            'lease_status', 'next_due', 'release', 'reschedule', 'results', 'settle', 'sweep', 'turn'
        ],
        'reader', array['job', 'setting', 'settings', 'verify', 'why_not_running'],
        'operator', array[
            'cancel', 'complete_unheld', 'fail_unheld', 'job', 'job_payload', 'redrive', 'redrive_many', 'reschedule_unheld', 'set_setting', 'setting',
            'settings', 'sweep', 'verify', 'why_not_running'
        ]
    );
    v_readers := array['reader', 'operator'];

    -- Roles by the names of the groups that were there before. Ours say so in their comments, which all databases of the server see; a role with rights
    -- on the schema was given them by its owner. Of others the members, and who logs in as one, would get rights that nobody meant them to have.
    with theirs as (
        select
            r.rolname::text as name,
            r.rolcanlogin or exists (
                select from pg_auth_members as m
                -- since PostgreSQL 16 who creates a role is a member that neither inherits its rights nor may take it on
                where m.roleid = r.oid and not coalesce(to_jsonb(m) @> '{"inherit_option": false, "set_option": false}', false)
            ) as is_used
        from jsonb_object_keys(_group_roles(v_schema)) as g (name)
        join pg_roles as r on r.rolname = g.name and r.rolname <> current_user
        where coalesce(shobj_description(r.oid, 'pg_authid'), '') not like 'Leasehold group role:%'
            and r.oid <> all (select a.grantee from pg_namespace as n, aclexplode(n.nspacl) as a where n.oid = v_schema_oid)
    )
    select array_agg(t.name order by t.name), array_agg(t.name order by t.name) filter (where t.is_used) into v_adopted, v_used from theirs as t;
    if v_used is not null and lower(coalesce(current_setting('leasehold.adopt_roles', true), '')) not in ('on', 'true', 'yes', '1') then
        raise exception 'roles that were there before, and are in use, have the names of group roles: %', array_to_string(v_used, ', ')
            using errcode = 'LH009', detail = jsonb_build_object('roles', v_used)::text,
                  hint = 'Rename them, or choose another schema. If their members, or who logs in as one of them, are to have the rights of the group: '
                      'set leasehold.adopt_roles to on before.';
    end if;

    for v_name in
        select g.name from jsonb_object_keys(_group_roles(v_schema)) as g (name)
        where v_makes_roles and not exists (select from pg_roles as r where r.rolname = g.name)
    loop
        begin
            execute format('create role %I nologin', v_name);
            execute format('comment on role %I is %L', v_name, 'Leasehold group role: ' || (_group_roles(v_schema) ->> v_name));
        exception
            -- another database of this server, at the same moment
            when duplicate_object or unique_violation then
                null;
        end;
    end loop;

    -- What is not listed is taken back, from nobody else than these: whom else the owner gives rights is his affair.
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
        join pg_proc as p on p.pronamespace = v_schema_oid and (p.proname = any (v_everyone) or v_groups -> g.word ? p.proname)
        union all
        select format('grant select on %I to %I', w.name, g.role)
        from granted as g
        cross join unnest(v_view_names) as w (name)
        where g.word = any (v_readers) and w.name <> 'submission'
        union all
        -- select, though there is nothing in it, for RETURNING
        select format('grant select, insert on submission to %I', g.role)
        from granted as g
        where v_groups -> g.word ? 'submit'
    loop
        execute v_statement;
    end loop;
