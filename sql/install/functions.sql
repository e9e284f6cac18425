    -- List the objects that were damaged before and that no migration has changed since: the manifest continues to
    -- expect their old definition.
    if v_before is not null then
        v_damage := array(
            select coalesce(m.kind || ' ' || m.name, i.kind || ' ' || i.name)
            from manifest as m
            full join _list_objects(v_schema, _group_roles(v_schema)) as i on i.kind = m.kind and i.name = m.name
            where m.definition is distinct from i.definition
                and i.definition
                    is not distinct from v_before ->> coalesce(m.kind || ' ' || m.name, i.kind || ' ' || i.name)
        );
    end if;

    -- Record the rights of other roles, to grant them again on objects that have to be created anew.
    v_rights := (
        select jsonb_agg(r)
        from (
            select
                'function' as kind, p.proname as name, null as column, a.privilege_type as privilege,
                a.grantee::regrole as role, case when a.is_grantable then ' with grant option' end as option
            from pg_proc as p
            cross join lateral aclexplode(p.proacl) as a
            where p.pronamespace = v_schema_oid and a.grantee not in (0, p.proowner)
            union all
            select
                'view', c.relname, null, a.privilege_type, a.grantee::regrole,
                case when a.is_grantable then ' with grant option' end
            from pg_class as c
            cross join lateral aclexplode(c.relacl) as a
            where c.relnamespace = v_schema_oid and c.relkind = 'v' and a.grantee not in (0, c.relowner)
            union all
            select
                'view', c.relname, t.attname, a.privilege_type, a.grantee::regrole,
                case when a.is_grantable then ' with grant option' end
            from pg_class as c
            join pg_attribute as t on t.attrelid = c.oid
            cross join lateral aclexplode(t.attacl) as a
            where c.relnamespace = v_schema_oid and c.relkind = 'v' and a.grantee not in (0, c.relowner)
        ) as r
    );

    -- Replace a function in place if its signature and result are the same. Otherwise rename the older one until
    -- nothing of Leasehold refers to it. No name is ever overloaded.
    for v_at in 1 .. cardinality(v_functions) loop
        v_name := v_function_names[v_at];
        begin
            execute v_functions[v_at];
        exception
            when invalid_function_definition then
                for v_statement in
                    select format('alter function %s rename to %I', p.oid::regprocedure, v_name || ' (older)')
                    from pg_proc as p
                    where p.pronamespace = v_schema_oid and p.proname = v_name
                loop
                    execute v_statement;
                end loop;
                execute v_functions[v_at];
        end;
        -- Any other function of this name is an older one: the row just written is the youngest.
        for v_statement in
            select format('alter function %s rename to %I', p.oid::regprocedure, v_name || ' (older)')
            from pg_proc as p
            where p.pronamespace = v_schema_oid and p.proname = v_name
            order by age(p.xmin), p.oid desc
            offset 1
        loop
            execute v_statement;
        end loop;
    end loop;

    -- Replace a view in place if only columns were appended, or else drop and create it.
    for v_at in 1 .. cardinality(v_views) loop
        begin
            execute v_views[v_at];
        exception
            when invalid_table_definition then
                execute format('drop view %I', v_view_names[v_at]);
                execute v_views[v_at];
        end;
    end loop;
    for v_statement in
        select format('drop view %I', c.relname)
        from pg_class as c
        where c.relnamespace = v_schema_oid and c.relkind = 'v' and c.relname <> all (v_view_names)
    loop
        execute v_statement;
    end loop;
    -- no view refers to an older function any more
    for v_statement in
        select format('drop function %s', p.oid::regprocedure)
        from pg_proc as p
        where p.pronamespace = v_schema_oid and p.proname <> all (v_function_names)
    loop
        execute v_statement;
    end loop;

    for v_statement in
        select concat(format('grant %s on function %s to %s', r.privilege, p.oid::regprocedure, r.role), r.option)
        from jsonb_to_recordset(v_rights) as r (kind text, name text, privilege text, role text, option text)
        join pg_proc as p on p.pronamespace = v_schema_oid and p.proname = r.name
        where r.kind = 'function'
        union all
        select
            concat(
                format(
                    'grant %s on %I to %s', concat(r.privilege, ' (' || quote_ident(t.attname) || ')'), c.relname,
                    r.role
                ), r.option
            )
        from jsonb_to_recordset(v_rights)
            as r (kind text, name text, "column" text, privilege text, role text, option text)
        join pg_class as c on c.relnamespace = v_schema_oid and c.relname = r.name
        left join pg_attribute as t on t.attrelid = c.oid and t.attname = r.column
        where r.kind = 'view' and (r.column is null or t.attname is not null)
    loop
        execute v_statement;
    end loop;
