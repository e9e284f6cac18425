create or replace function _add_opened_lanes(cache lane_cache, opened bigint[], capabilities text[])
returns lane_cache
language plpgsql
volatile
as $_add_opened_lanes$
begin
    select
        coalesce(array_agg(l.next_need), '{}') || cache.needs,
        coalesce(array_agg(l.priority), '{}') || cache.priorities,
        array_fill(0::bigint, array[count(*)::integer]) || cache.numbers,
        cache.lanes + count(*)
    into cache.needs, cache.priorities, cache.numbers, cache.lanes
    from (
        select distinct k.next_need, _lane_priority(k.priority) as priority
        from lane as k
        where k.number = any (opened)
            and exists (
                select from unnest(capabilities) as c (capability) where _capability_matches(c.capability, k.next_need)
            )
    ) as l
    where not exists (
        select
        from unnest(cache.needs, cache.priorities) as o (next_need, priority)
        where o.next_need = l.next_need and o.priority = l.priority
    );
    return cache;
end
$_add_opened_lanes$;

comment on function _add_opened_lanes(lane_cache, bigint[], text[]) is
    'The lane cache with these lanes (lane.number) in front, without a watermark, as far as the capabilities cover '
    'them and they are not in it.';
