create or replace function _reclaim_one(job_id uuid, now timestamptz)
returns boolean
language plpgsql
volatile
as $_reclaim_one$
declare
    v_job       job;
    v_outcome   outcome;
begin
    select j.* into v_job from leased as j where j.job_id = _reclaim_one.job_id;
    if v_job.job_id is not null and _snapshot_is_fixed() then
        -- An old snapshot does not show what a worker has just written, and the worker's lock left no trace in the row
        -- of the job. If there is such a heartbeat, this raises 40001.
        insert into heartbeat as h (fence, job_id, extended_at, lease_expires_at)
        values (v_job.fence, v_job.job_id, v_job.leased_at, v_job.lease_expires_at)
        on conflict on constraint heartbeat_pkey do update set lease_expires_at = h.lease_expires_at;
    end if;
    -- checked again now that the lock is held: the lease may have been extended
    if v_job.job_id is null
        or _reclaimable_at(v_job.fence, v_job.leased_at, v_job.lease_expires_at, _server_up_since(now)) > now
    then
        return false;
    end if;

    v_job.crashes := v_job.crashes + 1;
    if v_job.cancel_requested then
        perform _record_history(
            v_job.job_id, 'cancelled', v_job.worker_id, 'cancelled', v_job.attempt, 'its lease ran out', now
        );
        perform _archive_leased(v_job.job_id, null, 'cancelled', null, null, now);
        perform _defer_propagation(v_job.job_id);
    else
        v_outcome := _retry_or_bury(
            v_job,
            case when v_job.crashes >= _setting_value('max_crashes')::integer then 'crash_loop' end,
            null, 'the lease ran out', null, 'reclaimed', v_job.worker_id, now
        );
        if v_outcome.state = 'dead' then
            perform _defer_propagation(v_job.job_id);
        end if;
    end if;
    return true;
end
$_reclaim_one$;

comment on function _reclaim_one(uuid, timestamptz) is
    'Ends the lease of a job whose lock the caller holds, if it has run out: counts a crash, and then lets the job '
    'back off, buries it, or cancels it if that was requested. Returns whether it did. Raises 40001 with a fixed '
    'snapshot that may be too old to decide.';
