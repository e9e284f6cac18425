create or replace function _check_object(argument text, value jsonb)
returns void
language plpgsql
stable
as $_check_object$
begin
    if jsonb_typeof(value) <> 'object' then
        perform _raise_invalid_argument(argument, format('must be a JSON object, not %s', jsonb_typeof(value)));
    end if;
end
$_check_object$;

comment on function _check_object(text, jsonb) is 'Raises LH010 if the JSON value is not an object. Null passes.';
