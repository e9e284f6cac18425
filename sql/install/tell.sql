    -- What was done, and what was not.
    if v_migrated is null and nullif(current_setting('leasehold.schema', true), '') is null then
        raise notice '%', v_told
            using hint = 'The setting leasehold.schema chooses another schema: PGOPTIONS="-c leasehold.schema=jobs" psql ...';
    else
        raise notice '%', v_told;
    end if;
    if v_adopted is not null then
        raise notice 'roles that were there before are group roles of leasehold now: %', array_to_string(v_adopted, ', ');
    end if;
    execute format(
        $missing$
            select array_agg(g.name order by g.name) from jsonb_object_keys(%1$I._group_roles(%1$L)) as g (name)
            where not exists (select from pg_roles as r where r.rolname = g.name)
        $missing$, v_schema
    ) into v_missing;
    if v_missing is not null then
        raise notice 'group roles could not be made, for % may not create roles: %', current_user, array_to_string(v_missing, ', ')
            using hint = 'Have them created and run the file again, or grant USAGE on the schema and EXECUTE on its functions to your own roles.';
    end if;
    if v_migrated is null and getdatabaseencoding() = 'SQL_ASCII' then
        raise notice 'the encoding of this database is SQL_ASCII: it keeps the bytes of a text unchecked'
            using hint = 'Every client must use the same client_encoding, UTF8 best, or it may be unable to read what another one wrote.';
    elsif v_migrated is null and getdatabaseencoding() <> 'UTF8' then
        raise notice 'the encoding of this database is %: it refuses texts with characters that it lacks', getdatabaseencoding()
            using hint = 'A database with the encoding UTF8 takes all of them.';
    end if;
