create or replace function _check_count(argument text, value integer, lowest integer, highest integer)
returns void
language plpgsql
stable
as $_check_count$
begin
    if value < lowest or value > highest then
        perform _raise_invalid_argument(argument, format('must be between %s and %s', lowest, highest));
    end if;
end
$_check_count$;

comment on function _check_count(text, integer, integer, integer) is
    'Raises LH010 if the number is out of range. Null passes.';
