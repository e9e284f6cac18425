    -- What is here now, for verify().
    delete from manifest;
    insert into manifest (kind, name, definition) select i.kind, i.name, i.definition from _inventory(v_schema) as i;
    insert into manifest (kind, name, definition) values ('build', v_version, v_build);

    perform set_config('client_min_messages', v_messages, true);
    perform set_config('check_function_bodies', v_bodies, true);
    perform set_config('search_path', v_path, true);
    raise notice 'leasehold % is installed in schema %', v_version, to_json(v_schema);
