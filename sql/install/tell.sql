    -- Report what was done, and what could not be done.
    if v_migrated is null and nullif(current_setting('leasehold.schema', true), '') is null then
        raise notice '%', v_told
            using hint = 'The setting leasehold.schema chooses another schema: '
                'PGOPTIONS="-c leasehold.schema=jobs" psql ...';
    else
        raise notice '%', v_told;
    end if;
    if v_adopted is not null then
        raise notice 'existing roles are now group roles of leasehold: %', array_to_string(v_adopted, ', ');
    end if;
    execute format(
        $missing$
            select array_agg(g.name order by g.name) from jsonb_object_keys(%1$I._group_roles(%1$L)) as g (name)
            where not exists (select from pg_roles as r where r.rolname = g.name)
        $missing$, v_schema
    ) into v_missing;
    if v_missing is not null then
        raise notice 'group roles could not be created, because % may not create roles: %',
            current_user, array_to_string(v_missing, ', ')
            using hint = 'Have them created and run the file again, or grant USAGE on the schema and EXECUTE on its '
                'functions to your own roles.';
    end if;
    if v_migrated is null and getdatabaseencoding() = 'SQL_ASCII' then
        raise notice 'the encoding of this database is SQL_ASCII, which stores text without checking it'
            using hint = 'Let every client use the same client_encoding, preferably UTF8. Otherwise one client may be '
                'unable to read the text of another.';
    elsif v_migrated is null and getdatabaseencoding() <> 'UTF8' then
        raise notice 'the encoding of this database is %, which lacks some characters and refuses text with them',
            getdatabaseencoding()
            using hint = 'A database with the encoding UTF8 accepts all characters.';
    end if;
