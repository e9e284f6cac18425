create or replace function _check_capabilities(capabilities text[], argument text default 'capabilities')
returns void
language plpgsql
stable
as $_check_capabilities$
declare
    v_capability    text;
    v_hint          constant text := 'List the needs that this worker serves, as array[''billing.%''].';
begin
    if capabilities is null then
        perform _raise_invalid_argument(argument, 'must not be null', v_hint);
    elsif cardinality(capabilities) = 0 then
        perform _raise_invalid_argument(argument, 'must not be empty', v_hint);
    elsif array_ndims(capabilities) > 1 then
        perform _raise_invalid_argument(argument, 'must have one dimension');
    elsif cardinality(capabilities) > 1000 then
        perform _raise_invalid_argument(
            argument, 'must not have more than 1000 elements', 'Use a prefix, as billing.%.'
        );
    end if;
    foreach v_capability in array capabilities loop
        if right(v_capability, 1) = '%' then
            perform _check_text(argument, v_capability, 201);
            if v_capability ~ '[[:space:][:cntrl:]]' then
                perform _raise_invalid_argument(argument, 'must not contain white space or control characters');
            end if;
        else
            perform _check_need(argument, v_capability);
        end if;
    end loop;
end
$_check_capabilities$;

comment on function _check_capabilities(text[], text) is
    'Raises LH010 unless the argument is a list of needs and of prefixes that end in %.';
