    -- Write the rows that must exist, in case a restore or a statement by hand has removed them.
    insert into key_slot (slot) select n.slot from generate_series(0, 16383) as n (slot) on conflict do nothing;
    insert into secret (salt) select hashtextextended(gen_random_uuid()::text, 0) where not exists (select from secret);
    insert into cycle_gate (passed) select 0 where not exists (select from cycle_gate);
    -- Repair sequences if rows were replicated, or restored in part, without the sequences that numbered them.
    v_name := _repair_sequences(v_schema);
    if v_name is not null then
        perform set_config('client_min_messages', v_settings ->> 'client_min_messages', true);
        raise notice 'sequences that lagged behind their tables were set: %', v_name;
        perform set_config('client_min_messages', 'warning', true);
    end if;

    -- Write what verify() expects. Of functions, views and grants, which were just written, this is their present
    -- definition; of other objects it is what a migration made of them. This file cannot repair a table, so it does not
    -- record a damaged one either: the same build continues to expect what it expected before.
    v_mended := array['function', 'view', 'grant', 'build'];
    delete from manifest as m
    where m.kind = any (v_mended) or not (v_same or m.kind || ' ' || m.name = any (v_damage));
    insert into manifest (kind, name, definition)
    select i.kind, i.name, i.definition
    from _list_objects(v_schema, _group_roles(v_schema)) as i
    where i.kind = any (v_mended) or not (v_same or i.kind || ' ' || i.name = any (v_damage));
    insert into manifest (kind, name, definition) values ('build', v_version, v_build);

    perform set_config(s.name, s.value, true)
    from jsonb_each_text(v_settings) as s (name, value)
    where current_setting(s.name) <> s.value;
    v_told := case
        when v_migrated is null then format('leasehold %s was installed in schema %s', v_version, to_json(v_schema))
        when v_same then format('leasehold %s in schema %s was mended', v_version, to_json(v_schema))
        else
            format(
                'leasehold in schema %s was upgraded from %s to %s', to_json(v_schema),
                coalesce(v_before_version, 'an unknown version'), v_version
            )
    end;
