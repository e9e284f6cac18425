create or replace function _invalid(argument text, problem text, hint text default null)
returns void
language plpgsql
volatile
as $_invalid$
begin
    raise exception '% %', argument, problem
        using errcode = 'LH010',
              detail = jsonb_build_object('argument', argument)::text,
              hint = coalesce(hint, 'Correct the argument; nothing was changed.');
end
$_invalid$;

comment on function _invalid(text, text, text) is 'Raises LH010. The one place that says what is wrong with an argument.';
