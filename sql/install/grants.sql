    -- Rights, in one place. PUBLIC has none; the four groups have what is listed here; helpers (_…) and tables are the owner's alone.
    execute format('revoke all on schema %I from public', v_schema);
    execute format('revoke all on all tables in schema %I from public', v_schema);
    execute format('revoke all on all sequences in schema %I from public', v_schema);
    execute format('revoke all on all functions in schema %I from public', v_schema);
    for v_old in
        select t.typname as signature
        from pg_type as t
        join pg_class as c on c.oid = t.typrelid and c.relkind = 'c'
        where t.typnamespace = v_schema_oid
    loop
        execute format('revoke all on type %I from public', v_old.signature);
    end loop;

    v_everyone := array['error_codes', 'require_api', 'schema_version'];
    v_groups := jsonb_build_object(
        'submitter', array['submit', 'submit_many'],
        'worker', array[
            'await_bell', 'checkpoint', 'checkpoints', 'complete', 'extend', 'extend_many', 'fail', 'get_work', 'hold_lease', 'lease_status',
            'release', 'reschedule', 'results', 'settle', 'sweep', 'turn'
        ],
        'reader', array['job', 'setting', 'settings', 'verify', 'why_not_running'],
        'operator', array[
            'cancel', 'complete_unheld', 'fail_unheld', 'job', 'redrive', 'redrive_many', 'reschedule_unheld', 'set_setting', 'setting',
            'settings', 'sweep', 'verify', 'why_not_running'
        ]
    );
    for v_group in select g.key as name, g.value as functions from jsonb_each(v_groups) as g loop
        -- role names are the server's, not the database's: they carry the schema's name, cut where it is too long
        v_role := case
            when octet_length(v_schema || '_' || v_group.name) <= 63 then v_schema || '_' || v_group.name
            else left(v_schema, 12) || to_hex(hashtextextended(v_schema, 0)) || '_' || v_group.name
        end;
        if not exists (select from pg_roles as r where r.rolname = v_role) then
            continue when not exists (select from pg_roles as r where r.rolname = current_user and (r.rolcreaterole or r.rolsuper));
            begin
                execute format('create role %I nologin', v_role);
            exception
                -- another database of this server, at the same moment
                when duplicate_object or unique_violation then
                    null;
            end;
        end if;
        execute format('grant usage on schema %I to %I', v_schema, v_role);
        for v_old in
            select p.oid::regprocedure::text as signature
            from pg_proc as p
            where p.pronamespace = v_schema_oid
                and (p.proname = any (v_everyone) or v_group.functions ? p.proname)
        loop
            execute format('grant execute on function %s to %I', v_old.signature, v_role);
        end loop;
        if v_group.name in ('reader', 'operator') then
            foreach v_name in array v_view_names loop
                execute format('grant select on %I to %I', v_name, v_role);
            end loop;
        end if;
    end loop;
