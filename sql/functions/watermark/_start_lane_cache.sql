create or replace function _start_lane_cache(
    cache lane_cache, scope text, proven boolean, unknown_id boolean, newer bigint[], queue_position bigint,
    wide integer, now timestamptz
)
returns lane_cache
language plpgsql
volatile
as $_start_lane_cache$
declare
    v_sure_number   constant bigint := case when proven then cache.seen_number else coalesce(cache.sure_number, 0) end;
begin
    cache.scope := scope;
    cache.noted_at := now;
    cache.surveyed_at := case when wide = 0 then now else coalesce(cache.surveyed_at, '-infinity') end;
    cache.sure_number := v_sure_number;
    cache.newer := array(
        select n.number from unnest(newer) as n (number) where n.number > v_sure_number order by n.number
    );
    -- seen_number and seen_by are kept until they are proven: see _next_watermark
    if queue_position is not null and (proven or unknown_id or cache.seen_by is null) then
        cache.seen_number := queue_position;
        cache.seen_by := null;
    end if;
    return cache;
end
$_start_lane_cache$;

comment on function _start_lane_cache(lane_cache, text, boolean, boolean, bigint[], bigint, integer, timestamptz) is
    'The lane cache of a scope with what it is certain of brought up to date (proven, unknown_id, newer: '
    '_read_lane_cache), and its lanes as they were. seen_by is null if it is to be the id of this transaction.';
