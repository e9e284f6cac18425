create or replace function _plan_scope_claim(capabilities text[], now timestamptz)
returns _claim_plan
language plpgsql
volatile
as $_plan_scope_claim$
declare
    v_survey    _claim_plan;
    v_cache     lane_cache;
    v_fresh     boolean;
    v_keyed     boolean;
    v_seen      bigint;
begin
    v_survey.scope := _scope_name(capabilities);
    v_survey.capabilities := capabilities;
    v_survey.tended := false;
    select
        f.needs, f.priorities, f.numbers, f.rest_id, f.rest_priority, f.rest_number,
        _lookahead_fresh(f.noted_at, f.surveyed_at, _plan_scope_claim.now)
            and f.newer = array(select l.number from lane as l where l.number > f.sure_number order by l.number),
        exists (select from only job as j where j.state = 'ready' and not j.parked and j.singleton_key is not null)
    into
        v_survey.next_need, v_survey.priority, v_survey.watermark, v_survey.rest_id, v_survey.rest_priority, v_survey.rest_number, v_fresh, v_keyed
    from lane_cache as f
    where f.scope = v_survey.scope
    order by f.cache_id desc
    limit 1;
    if v_fresh is not true then
        -- while this transaction has no id of its own: notes and marks want that (_run_deferred, _rebuild_lane_cache)
        v_seen := _queue_position();
        v_survey.tended := _maybe_run_maintenance(now);
        v_cache := _rebuild_lane_cache(v_survey.scope, capabilities, 0, now, v_seen);
        v_survey.next_need := v_cache.needs;
        v_survey.priority := v_cache.priorities;
        v_survey.watermark := v_cache.numbers;
        v_survey.rest_id := v_cache.rest_id;
        v_survey.rest_priority := v_cache.rest_priority;
        v_survey.rest_number := v_cache.rest_number;
    end if;
    if v_keyed is not false or v_survey.tended then
        -- from one lane to the next that has any; they are few, or worth it
        with recursive keyed as (
            (
                select j.next_need, j.priority
                from only job as j
                where j.state = 'ready' and not j.parked and j.singleton_key is not null
                order by j.next_need, j.priority
                limit 1
            )
            union all
            select n.next_need, n.priority
            from keyed as k
            cross join lateral (
                select j.next_need, j.priority
                from only job as j
                where j.state = 'ready' and not j.parked and j.singleton_key is not null and (j.next_need, j.priority) > (k.next_need, k.priority)
                order by j.next_need, j.priority
                limit 1
            ) as n
        )
        select array_agg(k.next_need), array_agg(k.priority)
        into v_survey.keyed_need, v_survey.keyed_priority
        from keyed as k
        where exists (select from unnest(capabilities) as c (capability) where _capability_matches(c.capability, k.next_need));
    end if;
    return v_survey;
end
$_plan_scope_claim$;

comment on function _plan_scope_claim(text[], timestamptz) is '_claim_plan for capabilities that are more than one need.';
