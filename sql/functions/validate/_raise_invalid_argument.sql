create or replace function _raise_invalid_argument(argument text, problem text, hint text default null)
returns void
language plpgsql
volatile
as $_raise_invalid_argument$
begin
    raise exception '% %', argument, problem
        using errcode = 'LH010',
              detail = jsonb_build_object('argument', argument)::text,
              hint = coalesce(hint, 'Correct the argument. Nothing was changed.');
end
$_raise_invalid_argument$;

comment on function _raise_invalid_argument(text, text, text) is
    'Raises LH010 and names the argument. Every refusal of an argument is raised here.';
