create or replace function _describe_functions(schema_oid oid)
returns table (kind text, name text, definition text)
language sql
stable
as $_describe_functions$
    select
        'function',
        format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
        concat_ws(
            E'\n', pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname, p.prokind,
            p.provolatile, p.prosecdef,
            array_to_string(
                array_replace(
                    p.proconfig, format('search_path=%I, pg_temp', n.nspname), 'search_path=@, pg_temp'
                ), ', '
            ),
            coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)
        )
    from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace
    join pg_language as l on l.oid = p.prolang
    where p.pronamespace = schema_oid
$_describe_functions$;

comment on function _describe_functions(oid) is 'The part of _list_objects for functions.';
