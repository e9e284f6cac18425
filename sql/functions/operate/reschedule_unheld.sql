create or replace function reschedule_unheld(
    job_id uuid,
    actor text,
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
as $reschedule_unheld$
begin
    perform _check_reschedule(
        next_need, payload, wait_for, available_at, priority, expires_at, max_attempts, retry, on_dependency_failure
    );
    return _reschedule_job(
        _lock_unheld(job_id, actor), next_need, payload, wait_for, available_at, priority, expires_at, max_attempts,
        retry, on_dependency_failure, 'reschedule_unheld', actor
    );
end
$reschedule_unheld$;

comment on function reschedule_unheld(
    uuid, text, text, jsonb, uuid[], timestamptz, integer, timestamptz, integer, jsonb, text
) is
    'reschedule for a job that no worker holds. Null keeps what the job has, wait_for included ({}: it waits for '
    'nothing); an expires_at of infinity removes the earlier one. actor is kept in the history. Returns state, '
    'available_at, attempt. Locks the row of the job and, if it is to wait for existing jobs, the cycle gate (tried '
    'for a second, then 40001). Raises LH003, LH004, LH007, LH008, LH009 (leased), LH010, LH011.';
