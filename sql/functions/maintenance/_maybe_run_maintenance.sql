create or replace function _maybe_run_maintenance(now timestamptz)
returns boolean
language plpgsql
volatile
as $_maybe_run_maintenance$
declare
    v_horizon   maintenance_horizon;
    v_age       interval;
    v_seen_at   timestamptz;
    v_below     record;
    v_oldest    xid8;
begin
    v_horizon := _last_horizon();
    v_age := _now() - v_horizon.at;
    -- One session at a time; but a session that runs maintenance inside a long transaction must not keep the others
    -- from it. A negative age means that the clock was set back.
    if v_age between interval '0' and greatest(interval '100 ms', least(20 * v_horizon.took, interval '20 s'))
        or not pg_try_advisory_xact_lock(_advisory_lock_key('maintenance', ''))
        and v_age between interval '0' and interval '1 s'
    then
        return false;
    end if;
    -- the clock first, then the transaction id: in the other order the pair proves nothing
    if pg_current_xact_id_if_assigned() is null then
        v_seen_at := _now();
    end if;
    if v_horizon.horizon_id % 64 = 0 then
        v_oldest := _oldest_snapshot();
    end if;
    perform _run_maintenance(1000, now, v_horizon.leases_from, v_horizon.schedules_from);
    -- about once a second
    if v_horizon.horizon_id % 10 = 0 then
        v_below := _scan_below_horizon(v_horizon, now);
        v_horizon.leased_page := v_below.leased_page;
        v_horizon.waiting_page := v_below.waiting_page;
    end if;
    insert into maintenance_horizon (at, took, leases_from, schedules_from, seen_at, seen_by, leased_page, waiting_page)
    select
        _maybe_run_maintenance.now, _now() - _maybe_run_maintenance.now,
        case when s.proven then least(v_horizon.seen_at, (
            -- no further than seen_at: beyond it the index holds the dead entries of all leases that ended in time
            select j.check_at
            from leased as j
            where j.check_at >= v_horizon.leases_from and j.check_at < v_horizon.seen_at
            order by j.check_at
            limit 1
        )) else v_horizon.leases_from end,
        case when s.proven then least(v_horizon.seen_at, (
            select j.available_at
            from only job as j
            where j.state = 'scheduled'
                and j.available_at >= v_horizon.schedules_from and j.available_at < v_horizon.seen_at
            order by j.available_at
            limit 1
        )) else v_horizon.schedules_from end,
        case when s.anew then v_seen_at else v_horizon.seen_at end,
        case when s.anew then pg_current_xact_id() else v_horizon.seen_by end,
        v_horizon.leased_page, v_horizon.waiting_page
    from (
        -- a pair is kept until it is proven, unless another server recorded it, before a restore
        select
            coalesce(_horizon_passed(v_horizon.seen_by), false) as proven,
            v_seen_at is not null and _horizon_passed(v_horizon.seen_by) is not false as anew
    ) as s;
    if v_horizon.horizon_id % 64 = 0 then
        perform _run_contained_step('waiters', 10000, null, now);
        perform _run_contained_step('heartbeats', 10000, null, now);
        perform _remove_expired_records(now);
        perform _retire_lanes(1000, now, v_oldest);
        delete from maintenance_horizon as t
        where t.horizon_id in (
            select o.horizon_id from maintenance_horizon as o
            where o.horizon_id < v_horizon.horizon_id
            for update skip locked
        );
    end if;
    return true;
end
$_maybe_run_maintenance$;

comment on function _maybe_run_maintenance(timestamptz) is
    'Runs maintenance if it is due: about ten times a second for each schema, in whichever get_work comes then, one '
    'session at a time, whether or not that call needs more jobs. Less often if it would take more than a twentieth of '
    'the time, but at least every 20 s. Returns whether it ran. Advances the maintenance horizon as far as it is '
    'proven that all older transactions have filed nothing earlier. Skips locked rows.';
