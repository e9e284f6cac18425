create or replace function _reclaim_one(job_id uuid, now timestamptz)
returns boolean
language plpgsql
volatile
as $_reclaim_one$
declare
    v_job job;
begin
    select j.* into v_job from leased as j where j.job_id = _reclaim_one.job_id;
    if v_job.job_id is not null and _snapshot_is_fixed() then
        -- an old snapshot does not see what a worker has just written, whose lock left no trace in the job: this raises 40001 then
        insert into heartbeat as h (fence, job_id, extended_at, lease_expires_at)
        values (v_job.fence, v_job.job_id, v_job.leased_at, v_job.lease_expires_at)
        on conflict on constraint heartbeat_pkey do update set lease_expires_at = h.lease_expires_at;
    end if;
    -- looked at again now that the lock is held: it may have been extended since
    if v_job.job_id is null or _reclaimable_at(v_job.fence, v_job.leased_at, v_job.lease_expires_at, _server_up_since(now)) > now then
        return false;
    end if;

    v_job.crashes := v_job.crashes + 1;
    if v_job.cancel_requested then
        perform _record_history(v_job.job_id, 'cancelled', v_job.worker_id, 'cancelled', v_job.attempt, 'its lease ran out', now);
        perform _archive_leased(v_job.job_id, null, 'cancelled', null, null, now, nested => true);
    else
        perform _retry_or_bury(
            v_job,
            case when v_job.crashes >= _setting_value('max_crashes')::integer then 'crash_loop' end,
            null, 'the lease ran out', null, 'reclaimed', v_job.worker_id, now, nested => true
        );
    end if;
    return true;
end
$_reclaim_one$;

comment on function _reclaim_one(uuid, timestamptz) is
    'Takes the lease of a job whose lock the caller holds, if it ran out: one crash more, then backoff, burial, or the cancellation that was '
    'asked for. True where a lease was taken.';
