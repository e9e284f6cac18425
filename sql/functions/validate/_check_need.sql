create or replace function _check_need(argument text, value text)
returns void
language plpgsql
stable
as $_check_need$
begin
    perform _check_text(argument, value, 200);
    if value ~ '[[:space:][:cntrl:]]' then
        perform _raise_invalid_argument(argument, 'must not hold white space or control characters', 'A need is a dotted name, as billing.invoice.v1.');
    elsif value ~ '(^|[.])([.]|$)' then
        perform _raise_invalid_argument(argument, 'has an empty part between its dots', 'A need is a dotted name, as billing.invoice.v1.');
    elsif right(value, 1) = '%' then
        perform _raise_invalid_argument(argument, 'must not end in %', 'Only a capability may be a prefix; a job needs one thing.');
    end if;
end
$_check_need$;

comment on function _check_need(text, text) is 'Refuses what is not a need: a dotted name of at most 200 bytes (LH010).';
