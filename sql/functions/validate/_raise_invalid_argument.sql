create or replace function _raise_invalid_argument(argument text, problem text, hint text default null)
returns void
language plpgsql
volatile
as $_raise_invalid_argument$
begin
    raise exception '% %', argument, problem
        using errcode = 'LH010',
              detail = jsonb_build_object('argument', argument)::text,
              hint = coalesce(hint, 'Correct the argument; nothing was changed.');
end
$_raise_invalid_argument$;

comment on function _raise_invalid_argument(text, text, text) is 'Raises LH010. The one place that says what is wrong with an argument.';
