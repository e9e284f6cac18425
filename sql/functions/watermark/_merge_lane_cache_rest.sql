create or replace function _merge_lane_cache_rest(cache lane_cache)
returns lane_cache
language plpgsql
volatile
as $_merge_lane_cache_rest$
declare
    v_rest  lane_cache_rest;
begin
    select r.* into v_rest from lane_cache_rest as r where r.scope = cache.scope and r.rest_id = cache.rest_id;
    if v_rest.rest_id is null then
        return cache;
    end if;
    select
        cache.needs || array_agg(r.next_need), cache.priorities || array_agg(r.priority),
        cache.numbers || array_agg(r.number)
    into cache.needs, cache.priorities, cache.numbers
    from unnest(v_rest.needs, v_rest.priorities, v_rest.numbers) as r (next_need, priority, number)
    where (r.next_need, r.priority) not in (
        select o.next_need, o.priority from unnest(cache.needs, cache.priorities) as o (next_need, priority)
    );
    cache.rest_id := null;
    cache.rest_priority := null;
    cache.rest_number := null;
    return cache;
end
$_merge_lane_cache_rest$;

comment on function _merge_lane_cache_rest(lane_cache) is
    'The lane cache with the lanes of its rest behind its own, each once, and without a rest. Unchanged if the rest '
    'is gone.';
