create or replace function _check_time(argument text, value timestamptz)
returns void
language plpgsql
stable
as $_check_time$
begin
    if not isfinite(value) then
        perform _raise_invalid_argument(argument, 'must be finite', 'Leave it out to mean none.');
    elsif value < 'epoch' or value > '9999-12-31 00:00:00+00' then
        perform _raise_invalid_argument(argument, 'must lie between the years 1970 and 9999');
    end if;
end
$_check_time$;

comment on function _check_time(text, timestamptz) is 'Refuses a time that is infinite or beyond what clients can hold (LH010). Null passes.';
