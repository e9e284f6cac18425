create or replace function _settle_each(done jsonb, ended settled[], try boolean)
returns settled[]
language plpgsql
volatile
as $_settle_each$
declare
    v_answers   settled[] := array[]::settled[];
    v_next      integer := 1;
    v_done      record;
begin
    for v_done in
        select d.element, d.ordinality - 1 as index, (d.element ->> 'job_id')::uuid as job_id
        from jsonb_array_elements(done) with ordinality as d (element, ordinality)
        order by d.ordinality
    loop
        -- those that ended come in the order of the elements, too, and no job comes twice
        if ended[v_next].job_id = v_done.job_id then
            v_answers := v_answers || ended[v_next];
            v_next := v_next + 1;
        elsif try then
            v_answers := v_answers || _try_settle_element(v_done.element, v_done.index);
        else
            v_answers := v_answers || _settle_element(v_done.element, v_done.index);
        end if;
    end loop;
    return v_answers;
end
$_settle_each$;

comment on function _settle_each(jsonb, settled[], boolean) is
    'Does what the elements of a batch say, one by one, but for those that have ended already. try: answers what is refused, each in a subtransaction '
    'of its own; otherwise raises it.';
