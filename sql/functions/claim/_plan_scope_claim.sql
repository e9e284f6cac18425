create or replace function _plan_scope_claim(capabilities text[], now timestamptz)
returns _claim_plan
language plpgsql
volatile
as $_plan_scope_claim$
declare
    v_plan      _claim_plan;
    v_cache     lane_cache;
    v_fresh     boolean;
    v_keyed     boolean;
    v_position  bigint;
begin
    v_plan.scope := _scope_name(capabilities);
    v_plan.capabilities := capabilities;
    v_plan.maintained := false;
    select
        f.needs, f.priorities, f.numbers, f.rest_id, f.rest_priority, f.rest_number,
        _lookahead_fresh(f.noted_at, f.surveyed_at, _plan_scope_claim.now)
            and f.newer = array(select l.number from lane as l where l.number > f.sure_number order by l.number),
        exists (select from only job as j where _is_ready_head(j.state, j.parked, j.singleton_key))
    into
        v_plan.next_need, v_plan.priority, v_plan.watermark, v_plan.rest_id, v_plan.rest_priority, v_plan.rest_number,
        v_fresh, v_keyed
    from lane_cache as f
    where f.scope = v_plan.scope
    order by f.cache_id desc
    limit 1;
    if v_fresh is not true then
        -- This transaction must not have an id yet: deferred items and watermarks depend on it (_run_deferred,
        -- _rebuild_lane_cache).
        v_position := _queue_position();
        v_plan.maintained := _maybe_run_maintenance(now);
        v_cache := _rebuild_lane_cache(v_plan.scope, capabilities, 0, now, v_position);
        v_plan.next_need := v_cache.needs;
        v_plan.priority := v_cache.priorities;
        v_plan.watermark := v_cache.numbers;
        v_plan.rest_id := v_cache.rest_id;
        v_plan.rest_priority := v_cache.rest_priority;
        v_plan.rest_number := v_cache.rest_number;
    end if;
    if v_keyed is not false or v_plan.maintained then
        -- This goes from one lane with heads to the next. There are few of them, or they are worth it.
        with recursive keyed as (
            (
                select j.next_need, j.priority
                from only job as j
                where _is_ready_head(j.state, j.parked, j.singleton_key)
                order by j.next_need, j.priority
                limit 1
            )
            union all
            select n.next_need, n.priority
            from keyed as k
            cross join lateral (
                select j.next_need, j.priority
                from only job as j
                where _is_ready_head(j.state, j.parked, j.singleton_key)
                    and (j.next_need, j.priority) > (k.next_need, k.priority)
                order by j.next_need, j.priority
                limit 1
            ) as n
        )
        select array_agg(k.next_need), array_agg(k.priority)
        into v_plan.keyed_need, v_plan.keyed_priority
        from keyed as k
        where exists (
            select from unnest(capabilities) as c (capability) where _capability_matches(c.capability, k.next_need)
        );
    end if;
    return v_plan;
end
$_plan_scope_claim$;

comment on function _plan_scope_claim(text[], timestamptz) is
    '_plan_claim for capabilities that are more than one need.';
