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
        -- ended is in the order of the elements, too, and names no job twice.
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
    'Settles the elements of a batch one by one, except those that have already ended. With try, an element that '
    'fails is answered with its error and has a subtransaction of its own; otherwise the error is raised.';
