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
    v_was timestamptz;
    v_end timestamptz;
begin
    lease := coalesce(lease, interval '60 s');
    perform _check_lease(lease);
    v_job := _lock_current_lease(job_id, lease_id, 'extend');
    if v_job.cancel_requested then
        perform _raise_cancel_requested(job_id, lease_id);
    end if;
    v_now := _now();
    v_end := v_now + _duration(lease);
    update heartbeat as h
    set extended_at = v_now, lease_expires_at = v_end
    where h.fence = v_job.fence and h.lease_expires_at < v_end;
    if not found then
        v_was := _expires_at(v_job.fence, v_job.lease_expires_at);
        if v_end <= v_was then
            return v_was;
        end if;
        insert into heartbeat as h (fence, job_id, extended_at, lease_expires_at)
        values (v_job.fence, v_job.job_id, v_now, v_end)
        -- No other session writes this row while the lock of the job is held. With a fixed snapshot the row may exist
        -- unseen, and the statement then raises 40001.
        on conflict on constraint heartbeat_pkey do update set extended_at = v_now, lease_expires_at = v_end;
    end if;
    -- The job's row is wide and check_at is indexed, so they are written only once check_at has passed: for about one
    -- heartbeat in three.
    if v_job.check_at < v_now then
        update leased as j set check_at = v_end where j.job_id = extend.job_id;
    end if;
    return v_end;
end
$extend$;

comment on function extend(uuid, uuid, interval) is
    'Moves the end of a current lease to now + lease, never to an earlier time than before, and returns it. A lease '
    'is current until it is reclaimed: extending it late still succeeds. Locks the job''s row. Raises LH001, LH002, '
    'LH003, LH008, LH010, and LH007 once cancellation was requested.';
