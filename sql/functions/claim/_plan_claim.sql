create or replace function _plan_claim(capabilities text[], now timestamptz)
returns _claim_plan
language plpgsql
volatile
as $_plan_claim$
declare
    v_plan  _claim_plan;
begin
    if cardinality(capabilities) > 1 or right(capabilities[1], 1) = '%' then
        return _plan_scope_claim(capabilities, now);
    end if;
    v_plan.maintained := _refresh_watermark(capabilities[1], now);
    -- the lanes in the order of the claim, each with its watermark
    select
        array_agg(l.next_need order by l.priority),
        array_agg(l.priority order by l.priority),
        array_agg(coalesce(m.numbers[array_position(m.priorities, l.priority)], 0) order by l.priority)
    into v_plan.next_need, v_plan.priority, v_plan.watermark
    from (
        select distinct o.next_need, _lane_priority(o.priority) as priority
        from lane as o
        where o.next_need = capabilities[1]
    ) as l
    -- the newest of _advance_watermarks; a row that says that a lane was opened has older watermarks
    left join lateral (
        select k.priorities, k.numbers
        from watermark as k
        where k.next_need = l.next_need and k.watermark_id < _first_invalidation_id()
        order by k.watermark_id desc
        limit 1
    ) as m on true;
    -- This comes after maintenance, which may have unparked some.
    if (
        -- This order is that of job_ready_head_idx. With another one the planner might walk another index.
        select j.number
        from only job as j
        where j.next_need = capabilities[1] and _is_ready_head(j.state, j.parked, j.singleton_key)
        order by j.next_need, j.priority, j.number
        limit 1
    ) is not null then
        v_plan.keyed_need := v_plan.next_need;
        v_plan.keyed_priority := v_plan.priority;
    end if;
    return v_plan;
end
$_plan_claim$;

comment on function _plan_claim(text[], timestamptz) is
    'What a claim must know before it looks for jobs: the lanes of its needs, the number from which on each can hold '
    'ready jobs, and the lanes that have heads of singleton keys, whose numbers may be lower. Runs due maintenance, '
    'and advances watermarks that are not fresh.';
