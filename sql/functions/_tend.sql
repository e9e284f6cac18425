create or replace function _tend(limit_jobs integer, now timestamptz)
returns swept
language plpgsql
volatile
as $_tend$
declare
    v_swept swept;
    v_tick  constant tick := _last_tick();
begin
    -- notes first: they want a transaction that has no id yet
    select w.freed, w.admitted into v_swept.freed, v_swept.admitted from _work_notes(limit_jobs, now) as w;
    v_swept.reclaimed := _reclaim(limit_jobs, now, v_tick.leases_from);
    v_swept.expired := _expire(limit_jobs, now);
    -- by a later clock: what was taken away above may be due at once
    v_swept.promoted := _promote(limit_jobs, _now(), v_tick.schedules_from);
    return v_swept;
end
$_tend$;

comment on function _tend(integer, timestamptz) is
    'The upkeep that get_work does by the way and sweep does in full: reclaims, expires, promotes, works off notes; up to limit_jobs of each.';
