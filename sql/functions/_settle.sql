create or replace function _settle(done jsonb, strict boolean)
returns setof settled
language plpgsql
volatile
as $_settle$
declare
    v_element   record;
    v_answers   settled[];
begin
    -- all the locks first, in the order of ids: two batches that share jobs must not wait crosswise
    perform from job as j
    where j.job_id in (select (d.element ->> 'job_id')::uuid from jsonb_array_elements(done) as d (element))
    order by j.job_id
    for update;

    if strict then
        return query
        select s.*
        from jsonb_array_elements(done) with ordinality as d (element, ordinality)
        cross join lateral _settle_one(d.element, d.ordinality - 1) as s
        order by d.ordinality;
        return;
    end if;
    -- all is well nearly always: one block for the batch, and one an element only where something was refused
    begin
        v_answers := array(
            select s
            from jsonb_array_elements(done) with ordinality as d (element, ordinality)
            cross join lateral _settle_one(d.element, d.ordinality - 1) as s
            order by d.ordinality
        );
        return query select a.* from unnest(v_answers) as a;
        return;
    exception
        when others then
            if sqlstate !~ '^(LH|22)' and sqlstate <> '40001' then
                raise;
            end if;
    end;
    for v_element in
        select d.element, d.ordinality from jsonb_array_elements(done) with ordinality as d (element, ordinality) order by d.ordinality
    loop
        return next _try_settle(v_element.element, v_element.ordinality - 1);
    end loop;
end
$_settle$;

comment on function _settle(jsonb, boolean) is 'What settle and turn do with a batch that _check_done has passed.';
