create or replace function _lock_candidates_merged(
    plan _claim_plan, limit_jobs integer, excluded uuid[], now timestamptz
)
returns _candidates
language plpgsql
volatile
as $_lock_candidates_merged$
declare
    v_first     constant integer := limit_jobs + 12;
    v_wide      integer := v_first;
    v_deep      integer := 5;
    v_scope     constant text := plan.scope;
    v_rest      lane_cache_rest;
    v_picked    record;
begin
    loop
        v_picked := _lock_first_of_lanes(plan, v_wide, v_deep, limit_jobs, excluded);
        exit when v_picked.locked = limit_jobs or v_picked.cut is null;
        -- Other sessions have locked some of the first jobs, or there are too few: look further.
        if v_picked.cut then
            v_deep := v_deep * 8;
        elsif v_wide < cardinality(plan.next_need) then
            v_wide := v_wide * 3;
        else
            select r.* into v_rest from lane_cache_rest as r where r.scope = plan.scope and r.rest_id = plan.rest_id;
            -- It is gone if the lane cache was rebuilt meanwhile.
            exit when v_rest.rest_id is null;
            plan.rest_number := null;
            -- Some lanes of the rest may have been opened again since, and are in the lane cache.
            select
                plan.next_need || array_agg(r.next_need), plan.priority || array_agg(r.priority),
                plan.watermark || array_agg(r.number)
            into plan.next_need, plan.priority, plan.watermark
            from unnest(v_rest.needs, v_rest.priorities, v_rest.numbers) as r (next_need, priority, number)
            where (r.next_need, r.priority) not in (
                select o.next_need, o.priority from unnest(plan.next_need, plan.priority) as o (next_need, priority)
            );
            v_wide := cardinality(plan.next_need);
        end if;
    end loop;
    if v_picked.locked > 0 and v_scope is not null
        and (v_wide > v_first or not v_picked.cut and v_picked.certain < v_picked.locked + 3)
    then
        -- so that the next claim finds more in the first lanes
        perform _rebuild_lane_cache(v_scope, plan.capabilities, v_wide, now);
    end if;
    return (v_picked.ids, v_picked.special)::_candidates;
end
$_lock_candidates_merged$;

comment on function _lock_candidates_merged(_claim_plan, integer, uuid[], timestamptz) is
    '_lock_candidates over several needs, or where there are heads of singleton keys, which the watermarks do not '
    'cover. It looks at the first few jobs of the first few lanes, and further only until it is certain that no job '
    'comes before those that it locks.';
