create or replace function _may_rebuild_lane_cache(scope text, now timestamptz)
returns boolean
language plpgsql
volatile
as $_may_rebuild_lane_cache$
declare
    v_alone boolean := pg_try_advisory_xact_lock(_advisory_lock_key('lane_cache', scope));
begin
    -- A session that idles in its transaction must not keep the others from rebuilding the lane cache.
    if not v_alone then
        v_alone := (
            select
                k.noted_at between _may_rebuild_lane_cache.now - interval '1 s'
                and _may_rebuild_lane_cache.now + interval '1 s'
            from lane_cache as k
            where k.scope = _may_rebuild_lane_cache.scope
            order by k.cache_id desc
            limit 1
        ) is not true;
    end if;
    return v_alone;
end
$_may_rebuild_lane_cache$;

comment on function _may_rebuild_lane_cache(text, timestamptz) is
    'Whether this session rebuilds the lane cache of a scope: it gets the advisory lock of the scope, which is only '
    'tried, or the lane cache was not rebuilt within a second.';
