create or replace function _store_lookahead(cache lane_cache, ahead integer)
returns void
language plpgsql
volatile
as $_store_lookahead$
declare
    -- Up to this number nothing can be missing: everything up to sure_number can be seen, and no lane that is not
    -- looked at has a job that comes before.
    v_upto  constant bigint := least(
        cache.sure_number,
        case cache.priorities[ahead + 1] when cache.priorities[1] then cache.numbers[ahead + 1] end,
        case cache.rest_priority when cache.priorities[1] then cache.rest_number end
    );
begin
    insert into lookahead (scope, places, numbers, sure_number, newer, noted_at, surveyed_at)
    select
        cache.scope, array_agg(f.place order by f.number), array_agg(f.number order by f.number), cache.sure_number,
        cache.newer, cache.noted_at, cache.surveyed_at
    from (
        select j.place, j.number
        from unnest(cache.needs[: ahead], cache.priorities[: ahead], cache.numbers[: ahead])
            as l (next_need, priority, number)
        cross join lateral (
            select r.ctid as place, r.number
            from ready as r
            where _in_lane(r.next_need, r.priority, l.next_need, l.priority) and r.number between l.number and v_upto
            order by r.number
            limit ahead
        ) as j
        where l.priority = cache.priorities[1] and l.number <= v_upto
        order by j.number
        limit ahead
    ) as f
    having count(*) > 0;
end
$_store_lookahead$;

comment on function _store_lookahead(lane_cache, integer) is
    'Records the first jobs of a scope, up to ahead of its first priority, as far as no job can be missing between '
    'them.';
