create or replace function _check_wait_for(argument text, wait_for uuid[])
returns void
language plpgsql
stable
as $_check_wait_for$
begin
    if array_ndims(wait_for) > 1 then
        perform _raise_invalid_argument(argument, 'must have one dimension');
    elsif array_position(wait_for, null) is not null then
        perform _raise_invalid_argument(argument, 'must not hold nulls');
    elsif cardinality(wait_for) > 100000 then
        perform _raise_invalid_argument(argument, 'must not have more than 100000 elements', 'Let jobs in between gather them.');
    end if;
end
$_check_wait_for$;

comment on function _check_wait_for(text, uuid[]) is 'Refuses what is not a plain list of job ids (LH010). Null passes.';
