create or replace function _describe_constraints(schema_oid oid)
returns table (kind text, name text, definition text)
language sql
stable
as $_describe_constraints$
    select 'constraint', c.conname::text, pg_get_constraintdef(c.oid)
    from pg_constraint as c
    -- Since PostgreSQL 18 NOT NULL is a constraint as well. The columns contain it already.
    where c.connamespace = schema_oid and c.contype <> 'n'
    union all
    select 'rule', c.relname || '.' || r.rulename, pg_get_ruledef(r.oid, true)
    from pg_rewrite as r
    join pg_class as c on c.oid = r.ev_class
    where c.relnamespace = schema_oid and r.rulename <> '_RETURN'
    union all
    select 'policy', c.relname || '.' || y.polname, concat_ws(' ', y.polcmd, pg_get_expr(y.polqual, y.polrelid))
    from pg_policy as y
    join pg_class as c on c.oid = y.polrelid
    where c.relnamespace = schema_oid
    union all
    select
        'trigger',
        t.tgname::text,
        concat_ws(
            ' ', pg_get_triggerdef(t.oid, true),
            case t.tgenabled when 'A' then 'always' when 'R' then 'replica' when 'D' then 'disabled' end
        )
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
    where c.relnamespace = schema_oid and not t.tgisinternal
$_describe_constraints$;

comment on function _describe_constraints(oid) is
    'The part of _list_objects for what restricts or changes writes: constraints, rules, policies and triggers.';
