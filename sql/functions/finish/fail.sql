create or replace function fail(
    job_id uuid,
    lease_id uuid,
    error text,
    retryable boolean default true,
    retry_after interval default null,
    error_code text default null
)
returns outcome
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $fail$
declare
    v_job   job;
begin
    perform _check_delay('retry_after', retry_after);
    perform _check_ids(job_id, lease_id);
    v_job := _lock_leased_job(job_id, lease_id);
    if v_job.job_id is null then
        return _outcome_of_answer(_replay_or_raise(job_id, lease_id, 'fail'));
    end if;
    return _fail_job(v_job, error, coalesce(retryable, true), retry_after, error_code, v_job.worker_id);
end
$fail$;

comment on function fail(uuid, uuid, text, boolean, interval, text) is
    'Ends an attempt that failed. The job backs off by its retry policy (or by retry_after, at most a year), or is '
    'buried because it is not retryable, its attempts are used up, or its expires_at comes too early. error is '
    'cleaned and cut, never rejected. If cancellation was requested, the job ends cancelled. Returns state, '
    'available_at and attempt; until the next grant, the same lease gets the same answer again. Locks the job''s row, '
    'then tries to lock its singleton key and its dependents. Raises LH001, LH002, LH003, LH007, LH008, LH010.';
