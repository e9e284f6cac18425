create or replace function _check_settle_elements(done jsonb)
returns void
language plpgsql
stable
as $_check_settle_elements$
declare
    v_index bigint;
    v_kinds constant jsonb := _settle_field_kinds();
begin
    perform _check_elements('done', done);
    select d.ordinality - 1 into v_index
    from jsonb_array_elements(done) with ordinality as d (element, ordinality)
    where not v_kinds ? coalesce(d.element ->> 'verb', '')
    order by d.ordinality
    limit 1;
    if found then
        perform _raise_invalid_argument(
            format('done[%s].verb', v_index), 'must be one of complete, fail, release, reschedule, extend'
        );
    end if;
    -- An unknown key would otherwise go unnoticed. A wrong value is reported in the answer of its own element.
    perform _check_keys('done', done, v_kinds, types => false);
end
$_check_settle_elements$;

comment on function _check_settle_elements(jsonb) is
    'Raises LH010 if an element of a batch lacks a job, a lease or a known verb, or has a key that its verb does not '
    'have.';
