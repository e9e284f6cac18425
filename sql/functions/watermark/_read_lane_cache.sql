create or replace function _read_lane_cache(scope text, for_rebuild boolean)
returns _lane_cache_reading
language plpgsql
volatile
as $_read_lane_cache$
declare
    v_passed        xid8;
    v_cache         lane_cache;
    v_proven        boolean;
    v_unknown_id    boolean;
    v_newer         bigint[];
begin
    -- A long transaction that may have nothing to do with jobs holds the horizon back.
    if for_rebuild and not _snapshot_is_fixed() then
        v_passed := (
            select k.seen_by
            from lane_cache as k
            where k.scope = _read_lane_cache.scope
            order by k.cache_id desc
            limit 1
        );
        if _horizon_passed(v_passed) is not false or not _no_older_writers(v_passed) then
            v_passed := null;
        end if;
    end if;
    -- This is one statement, because its snapshot must show both the lanes and which transactions have ended.
    select
        f.needs, f.priorities, f.numbers, f.rest_id, f.rest_priority, f.rest_number, f.sure_number, f.newer,
        f.seen_number, f.seen_by, f.noted_at, f.surveyed_at, f.lanes, f.made_at, f.cache_id,
        coalesce(_horizon_passed(f.seen_by) or f.seen_by = v_passed, false),
        -- recorded on another server, before a restore
        f.seen_by is not null and _horizon_passed(f.seen_by) is null,
        array(select l.number from lane as l where l.number > coalesce(f.sure_number, 0) order by l.number)
    into
        v_cache.needs, v_cache.priorities, v_cache.numbers, v_cache.rest_id, v_cache.rest_priority, v_cache.rest_number,
        v_cache.sure_number, v_cache.newer, v_cache.seen_number, v_cache.seen_by, v_cache.noted_at, v_cache.surveyed_at,
        v_cache.lanes, v_cache.made_at, v_cache.cache_id, v_proven, v_unknown_id, v_newer
    from (select) as one
    left join lateral (
        select k.* from lane_cache as k where k.scope = _read_lane_cache.scope order by k.cache_id desc limit 1
    ) as f on true;
    return (v_cache, v_proven, v_unknown_id, v_newer)::_lane_cache_reading;
end
$_read_lane_cache$;

comment on function _read_lane_cache(text, boolean) is
    'The newest lane cache of a scope, or nulls, and what _rebuild_lane_cache must know of it. proven: all '
    'transactions older than seen_by have ended, so that everything up to seen_number can be seen; the locks of the '
    'server are read for that only for_rebuild. unknown_id: seen_by is an id of another server. newer: the lanes '
    'above sure_number that can be seen now.';
