create or replace function _check_object(argument text, value jsonb)
returns void
language plpgsql
stable
as $_check_object$
begin
    if value is null then
        perform _invalid(argument, 'must not be null', 'Leave it out, or give an object, as {}.');
    elsif jsonb_typeof(value) <> 'object' then
        perform _invalid(argument, format('must be a JSON object, not %s', jsonb_typeof(value)));
    end if;
end
$_check_object$;

comment on function _check_object(text, jsonb) is 'Refuses a JSON value that is not an object (LH010).';
