create or replace function _check_need(argument text, value text)
returns void
language plpgsql
stable
as $_check_need$
declare
    v_hint constant text := 'A need is a dotted name, as billing.invoice.v1.';
begin
    perform _check_text(argument, value, 200);
    if value ~ '[[:space:][:cntrl:]]' then
        perform _raise_invalid_argument(argument, 'must not contain white space or control characters', v_hint);
    elsif value ~ '(^|[.])([.]|$)' then
        perform _raise_invalid_argument(argument, 'must not have an empty part between dots', v_hint);
    elsif right(value, 1) = '%' then
        perform _raise_invalid_argument(
            argument, 'must not end in %', 'Only a capability may be a prefix. A job has exactly one need.'
        );
    end if;
end
$_check_need$;

comment on function _check_need(text, text) is
    'Raises LH010 unless the text is a need: a dotted name of at most 200 bytes.';
