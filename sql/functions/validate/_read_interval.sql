create or replace function _read_interval(argument text, value text)
returns interval
language plpgsql
stable
-- a leading minus sign has a different meaning under another style
set intervalstyle to postgres
as $_read_interval$
begin
    if value is null then
        return null;
    end if;
    return value::interval;
exception
    when data_exception then
        perform _raise_invalid_argument(argument, 'cannot be read: ' || left(sqlerrm, 200));
        return null;
end
$_read_interval$;

comment on function _read_interval(text, text) is
    'Reads an interval from the text of a JSON string. Raises LH010 if it cannot.';
