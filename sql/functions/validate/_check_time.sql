create or replace function _check_time(argument text, value timestamptz)
returns void
language plpgsql
stable
as $_check_time$
begin
    if not isfinite(value) then
        perform _raise_invalid_argument(argument, 'must be finite', 'Omit the argument if there is no such time.');
    elsif value < 'epoch' or value > '9999-12-31 00:00:00+00' then
        perform _raise_invalid_argument(argument, 'must be between the years 1970 and 9999');
    end if;
end
$_check_time$;

comment on function _check_time(text, timestamptz) is
    'Raises LH010 if the time is infinite, or outside the range that clients can represent. Null passes.';
