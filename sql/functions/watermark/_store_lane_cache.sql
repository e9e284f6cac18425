create or replace function _store_lane_cache(
    cache lane_cache, complete boolean, old_id bigint, size integer, ahead integer, now timestamptz
)
returns lane_cache
language plpgsql
volatile
as $_store_lane_cache$
begin
    if cardinality(cache.needs) > size and complete then
        insert into lane_cache_rest as r (scope, needs, priorities, numbers)
        values (cache.scope, cache.needs[size + 1 :], cache.priorities[size + 1 :], cache.numbers[size + 1 :])
        returning r.rest_id, r.priorities[1], r.numbers[1] into cache.rest_id, cache.rest_priority, cache.rest_number;
        cache.needs := cache.needs[: size];
        cache.priorities := cache.priorities[: size];
        cache.numbers := cache.numbers[: size];
    end if;
    insert into lane_cache (
        scope, needs, priorities, numbers, rest_id, rest_priority, rest_number, sure_number, newer, seen_number,
        seen_by, noted_at, surveyed_at, lanes, made_at
    ) values (
        cache.scope, cache.needs, cache.priorities, cache.numbers, cache.rest_id, cache.rest_priority,
        cache.rest_number, cache.sure_number, cache.newer, coalesce(cache.seen_number, 0),
        coalesce(cache.seen_by, case when cache.seen_number is null then '0' else pg_current_xact_id() end),
        cache.noted_at, cache.surveyed_at, cache.lanes, cache.made_at
    )
    returning cache_id into cache.cache_id;
    if cache.cache_id < old_id then
        perform _raise_sequence_lags('lane_cache_cache_id_seq');
    end if;
    perform _store_lookahead(cache, ahead);
    if cache.cache_id % 100 = 0 and not _snapshot_is_fixed() then
        delete from lane_cache as f where f.scope = cache.scope and f.cache_id < cache.cache_id;
        delete from lookahead as a
        where a.scope = cache.scope
            and a.lookahead_id < (
                select n.lookahead_id
                from lookahead as n
                where n.scope = cache.scope
                order by n.lookahead_id desc
                limit 1
            );
        delete from lane_cache_rest as r where r.scope = cache.scope and r.rest_id is distinct from cache.rest_id;
    end if;
    if cache.cache_id % 10000 = 0 and not _snapshot_is_fixed() then
        perform _forget_scopes(now);
    end if;
    return cache;
end
$_store_lane_cache$;

comment on function _store_lane_cache(lane_cache, boolean, bigint, integer, integer, timestamptz) is
    'Writes a lane cache, and a lookahead of up to ahead jobs, and returns it as written. If it is complete, the '
    'lanes after the first size go to lane_cache_rest. Removes older rows of the scope every hundredth time, and '
    'forgotten scopes every ten thousandth, unless the snapshot is fixed. Raises LH009 if the sequence of the ids '
    'lags behind.';
