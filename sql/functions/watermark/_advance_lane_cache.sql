create or replace function _advance_lane_cache(cache lane_cache, limit_lanes integer)
returns lane_cache
language plpgsql
volatile
as $_advance_lane_cache$
begin
    select
        coalesce(array_agg(m.next_need), '{}'), coalesce(array_agg(m.priority), '{}'),
        coalesce(array_agg(m.number), '{}')
    into cache.needs, cache.priorities, cache.numbers
    from (
        select
            l.next_need, l.priority,
            case
                when l.place > limit_lanes or l.number > cache.sure_number then l.number
                else least(
                    cache.sure_number + 1,
                    (
                        select j.number
                        from ready as j
                        where _in_lane(j.next_need, j.priority, l.next_need, l.priority)
                            and j.number between l.number and cache.sure_number
                        order by j.number
                        limit 1
                    )
                )
            end as number
        from unnest(cache.needs, cache.priorities, cache.numbers) with ordinality
            as l (next_need, priority, number, place)
        order by 2, 3
    ) as m;
    return cache;
end
$_advance_lane_cache$;

comment on function _advance_lane_cache(lane_cache, integer) is
    'The lane cache with the watermarks of its first limit_lanes lanes advanced to their first ready number, at most '
    'sure_number + 1, and all its lanes in the order of priority and watermark.';
