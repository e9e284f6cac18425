create or replace function _check_delay(argument text, value interval)
returns void
language plpgsql
stable
as $_check_delay$
begin
    if _duration(value) < interval '0' then
        perform _raise_invalid_argument(argument, 'must not be negative');
    elsif _duration(value) > interval '366 days' then
        perform _raise_invalid_argument(argument, 'must not be longer than a year');
    end if;
end
$_check_delay$;

comment on function _check_delay(text, interval) is
    'Raises LH010 if the interval is negative or longer than a year. Null passes. The length of that year is defined '
    'here alone.';
