    -- Functions: replaced in place where their face is the same; else dropped and made anew, with the grants they had. Never an overload.
    for v_at in 1 .. cardinality(v_functions) loop
        v_name := v_function_names[v_at];
        begin
            execute v_functions[v_at];
        exception
            when invalid_function_definition then
                for v_old in
                    select p.oid::regprocedure::text as signature
                    from pg_proc as p
                    where p.pronamespace = v_schema_oid and p.proname = v_name
                loop
                    execute 'drop function ' || v_old.signature;
                end loop;
                execute v_functions[v_at];
        end;
        -- whatever else has this name is an older face of it: the row just written is the youngest
        for v_old in
            select p.oid::regprocedure::text as signature
            from pg_proc as p
            where p.pronamespace = v_schema_oid and p.proname = v_name
            order by age(p.xmin), p.oid desc
            offset 1
        loop
            execute 'drop function ' || v_old.signature;
        end loop;
    end loop;
    for v_old in
        select p.oid::regprocedure::text as signature
        from pg_proc as p
        where p.pronamespace = v_schema_oid and p.proname <> all (v_function_names)
    loop
        execute 'drop function ' || v_old.signature;
    end loop;

    -- Views: appended to in place, or made anew.
    for v_at in 1 .. cardinality(v_views) loop
        begin
            execute v_views[v_at];
        exception
            when invalid_table_definition then
                execute format('drop view %I', v_view_names[v_at]);
                execute v_views[v_at];
        end;
    end loop;
    for v_old in
        select c.relname as signature from pg_class as c
        where c.relnamespace = v_schema_oid and c.relkind = 'v' and c.relname <> all (v_view_names)
    loop
        execute format('drop view %I', v_old.signature);
    end loop;
