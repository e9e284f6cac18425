create or replace function reschedule(
    job_id uuid,
    lease_id uuid,
    next_need text default null,
    payload jsonb default null,
    wait_for uuid[] default null,
    available_at timestamptz default null,
    priority integer default null,
    expires_at timestamptz default null,
    max_attempts integer default null,
    retry jsonb default null,
    on_dependency_failure text default null
)
returns outcome
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $reschedule$
declare
    v_job job;
begin
    perform _check_reschedule(
        next_need, payload, wait_for, available_at, priority, expires_at, max_attempts, retry, on_dependency_failure
    );
    perform _check_ids(job_id, lease_id);
    v_job := _lock_leased_job(job_id, lease_id);
    if v_job.job_id is null then
        return _outcome_of_answer(_replay_or_raise(job_id, lease_id, 'reschedule'));
    end if;
    if v_job.cancel_requested then
        perform _raise_cancel_requested(job_id, lease_id);
    end if;
    return _reschedule_job(
        v_job, next_need, payload, coalesce(wait_for, '{}'), available_at, priority, expires_at, max_attempts, retry,
        on_dependency_failure, 'reschedule', v_job.worker_id
    );
end
$reschedule$;

comment on function reschedule(
    uuid, uuid, text, jsonb, uuid[], timestamptz, integer, timestamptz, integer, jsonb, text
) is
    'Requeues a leased job for another need, for a later time, or behind other jobs. A null argument leaves its value '
    'unchanged, except for wait_for, where null means that the job waits for nothing. An expires_at of infinity '
    'removes the old one. Attempts and crashes start again at zero. Returns state, available_at and attempt; until '
    'the next grant, the same lease gets the same answer again. Locks the job''s row and, if it is to wait for '
    'existing jobs, the row of cycle_gate (tried for a second, then 40001). Raises LH001, LH002, LH003, LH004 '
    '(unknown job, the job itself, or a cycle), LH007, LH008, LH010, LH011.';
