create or replace function _list_lanes(cache lane_cache, capabilities text[], now timestamptz)
returns lane_cache
language plpgsql
volatile
as $_list_lanes$
begin
    select array_agg(l.next_need), array_agg(l.priority), array_agg(coalesce(o.number, 0))
    into cache.needs, cache.priorities, cache.numbers
    from (
        select distinct k.next_need, _lane_priority(k.priority) as priority
        from lane as k
        where k.next_need = any (_matching_needs(capabilities))
    ) as l
    left join unnest(cache.needs, cache.priorities, cache.numbers) as o (next_need, priority, number)
        on o.next_need = l.next_need and o.priority = l.priority;
    cache.rest_id := null;
    cache.rest_priority := null;
    cache.rest_number := null;
    cache.made_at := now;
    return cache;
end
$_list_lanes$;

comment on function _list_lanes(lane_cache, text[], timestamptz) is
    'The lane cache with all lanes that the capabilities cover, each with the watermark that it had, and without a '
    'rest.';
