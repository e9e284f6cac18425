create or replace function _open_lanes_and_wake(
    needs text[], priorities smallint[], ready boolean[], keyed boolean[], now timestamptz
)
returns void
language plpgsql
volatile
as $_open_lanes_and_wake$
declare
    v_new           text[];
    v_priorities    smallint[];
    v_keyed         boolean[];
    v_awaited       text[];
begin
    select
        array_agg(u.next_need) filter (where l.awaited is null),
        array_agg(u.priority) filter (where l.awaited is null),
        array_agg(u.keyed) filter (where l.awaited is null),
        array_agg(distinct u.next_need) filter (where u.ready and (l.awaited is not false or _snapshot_is_fixed()))
    into v_new, v_priorities, v_keyed, v_awaited
    from unnest(needs, priorities, ready, keyed) as u (next_need, priority, ready, keyed)
    -- no row: the lane is not open
    left join lateral (
        select
            exists (
                select from waiter as w where w.stem = any (k.stems) and w.until > _open_lanes_and_wake.now
            ) as awaited
        from lane as k
        where k.next_need = u.next_need and k.priority = u.priority and (k.keyed or not u.keyed)
        limit 1
    ) as l on true;
    perform _open_lane(n.next_need, n.priority, n.keyed, _open_lanes_and_wake.now)
    from unnest(v_new, v_priorities, v_keyed) as n (next_need, priority, keyed);
    if v_awaited is not null then
        perform _wake_waiters(v_awaited);
    end if;
end
$_open_lanes_and_wake$;

comment on function _open_lanes_and_wake(text[], smallint[], boolean[], boolean[], timestamptz) is
    'Completes the submit of jobs just written. The arguments list each of their lanes once: opens those that are not '
    'open, and wakes once, for all needs that have a ready job and a waiting worker. With a fixed snapshot, which may '
    'not show who waits, it wakes for every need. keyed: whether a job of the lane has a singleton_key.';
