create or replace function _run_maintenance(
    limit_jobs integer, now timestamptz, leases_from timestamptz, schedules_from timestamptz
)
returns swept
language plpgsql
volatile
as $_run_maintenance$
declare
    v_swept swept;
begin
    -- deferred items first: they need a transaction that has no id yet
    select w.freed, w.admitted into v_swept.freed, v_swept.admitted from _run_deferred(limit_jobs, now) as w;
    perform _record_uptime();
    v_swept.reclaimed := _run_contained_step('reclaim', limit_jobs, leases_from, now);
    v_swept.expired := _run_contained_step('expire', limit_jobs, null, now);
    -- by a later clock: a job reclaimed above may be due at once
    v_swept.promoted := _run_contained_step('promote', limit_jobs, schedules_from, _now());
    return v_swept;
end
$_run_maintenance$;

comment on function _run_maintenance(integer, timestamptz, timestamptz, timestamptz) is
    'The maintenance that claims run when it is due, and that sweep runs in full: works on deferred items, reclaims, '
    'expires, promotes; up to limit_jobs of each. Looks for leases and schedules from the given times on: those of '
    '_last_horizon, or -infinity.';
