create or replace function _check_wait_for(argument text, wait_for uuid[])
returns void
language plpgsql
stable
as $_check_wait_for$
begin
    if array_ndims(wait_for) > 1 then
        perform _raise_invalid_argument(argument, 'must have one dimension');
    elsif array_position(wait_for, null) is not null then
        perform _raise_invalid_argument(argument, 'must not contain nulls');
    elsif cardinality(wait_for) > 100000 then
        perform _raise_invalid_argument(
            argument, 'must not have more than 100000 elements',
            'Let intermediate jobs each wait for a part of them, and wait for those.'
        );
    end if;
end
$_check_wait_for$;

comment on function _check_wait_for(text, uuid[]) is
    'Raises LH010 unless the value is a one-dimensional array of job ids. Null passes.';
