create or replace function extend(job_id uuid, lease_id uuid, lease interval default '60 s')
returns timestamptz
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $extend$
declare
    v_job job;
    v_now timestamptz;
    v_end timestamptz;
begin
    perform _check_lease(lease);
    v_job := _hold(job_id, lease_id, 'extend');
    if v_job.cancel_requested then
        perform _asked_to_stop(job_id, lease_id);
    end if;
    v_now := _now();
    v_end := v_now + lease;
    if v_end <= v_job.lease_expires_at then
        return v_job.lease_expires_at;
    end if;
    -- check_at, which is indexed, only where it has passed: a heartbeat in three or so
    update job as j
    set lease_expires_at = v_end,
        extended_at = v_now,
        check_at = case when j.check_at < v_now then v_end else j.check_at end
    where j.job_id = extend.job_id;
    return v_end;
end
$extend$;

comment on function extend(uuid, uuid, interval) is
    'Moves the end of a current lease to now + lease, never earlier than it was, and returns it. A lease is current until something takes it away: '
    'a late extend still holds. Locks the job''s row. Raises LH001, LH002, LH003, LH008, LH010, and LH007 once cancellation was asked for.';
