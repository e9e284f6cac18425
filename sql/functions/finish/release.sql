create or replace function release(job_id uuid, lease_id uuid, available_at timestamptz default null)
returns outcome
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $release$
declare
    v_job       job;
    v_now       timestamptz;
begin
    perform _check_time('available_at', available_at);
    perform _check_ids(job_id, lease_id);
    v_job := _lock_leased_job(job_id, lease_id);
    if v_job.job_id is null then
        return _outcome_of_answer(_replay_or_raise(job_id, lease_id, 'release'));
    end if;
    v_now := _now();
    if v_job.cancel_requested then
        return _finish_cancelled(v_job, 'release', v_now);
    end if;
    v_job.attempt := v_job.attempt - 1;
    v_job.available_at := coalesce(available_at, v_now);
    return _requeue(v_job, 'release', v_job.worker_id, null, null, null, null, v_now);
end
$release$;

comment on function release(uuid, uuid, timestamptz) is
    'Returns a job untried, for example at a shutdown: ready at the end of the queue, or scheduled if available_at '
    'lies ahead. The attempt does not count. If cancellation was requested, the job ends cancelled. Returns state, '
    'available_at and attempt; until the next grant, the same lease gets the same answer again. Locks the job''s row, '
    'then tries to lock its singleton key. Raises LH001, LH002, LH003, LH007, LH008, LH010.';
