create or replace function _forget_scopes(now timestamptz)
returns void
language plpgsql
volatile
as $_forget_scopes$
declare
    v_day_ago   constant timestamptz := now - interval '1 day';
    v_scopes    text[];
begin
    -- not too many at once: the memory for locks has a fixed size
    v_scopes := array(
        select o.scope
        from (select distinct f.scope from lane_cache as f where f.noted_at < v_day_ago limit 100) as o
        where pg_try_advisory_xact_lock(_advisory_lock_key('lane_cache', o.scope))
    );
    -- A scope with an empty name records that some were forgotten, and when (_unclaimed_since).
    with gone as (
        delete from lane_cache as f where f.scope = any (v_scopes) and f.noted_at < v_day_ago
        returning 1
    )
    insert into lane_cache (
        scope, needs, priorities, numbers, sure_number, newer, seen_number, seen_by, noted_at, surveyed_at, lanes,
        made_at
    )
    select
        '', '{}', '{}', '{}', 0, '{}', 0, '0', _forget_scopes.now, _forget_scopes.now, 0, _forget_scopes.now
    from (select from gone limit 1) as g;
    delete from lookahead as a where a.scope = any (v_scopes) and a.noted_at < v_day_ago;
    delete from lane_cache_rest as r
    where r.scope = any (v_scopes) and not exists (select from lane_cache as f where f.scope = r.scope);
end
$_forget_scopes$;

comment on function _forget_scopes(timestamptz) is
    'Removes the lane caches of up to a hundred scopes that no worker has asked for in a day. Locks: the advisory '
    'locks of these scopes, which are only tried.';
