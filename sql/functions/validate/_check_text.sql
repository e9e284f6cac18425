create or replace function _check_text(argument text, value text, max_bytes integer)
returns void
language plpgsql
stable
as $_check_text$
begin
    if value is null then
        perform _raise_invalid_argument(argument, 'must not be null');
    elsif value = '' then
        perform _raise_invalid_argument(argument, 'must not be empty');
    elsif octet_length(value) > max_bytes then
        perform _raise_invalid_argument(argument, format('must not be longer than %s bytes', max_bytes));
    end if;
end
$_check_text$;

comment on function _check_text(text, text, integer) is 'Raises LH010 if the text is null, empty or too long.';
