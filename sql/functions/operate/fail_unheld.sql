create or replace function fail_unheld(
    job_id uuid,
    actor text,
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
as $fail_unheld$
begin
    perform _check_delay('retry_after', retry_after);
    return _fail_job(_lock_unheld(job_id, actor), error, coalesce(retryable, true), retry_after, error_code, actor);
end
$fail_unheld$;

comment on function fail_unheld(uuid, text, text, boolean, interval, text) is
    'fail for a job that no worker holds: it backs off (a blocked one stays blocked), or is buried. No attempt is '
    'counted. actor is kept in the history. Returns state, available_at, attempt. Locks the row of the job, then its '
    'dependents, without waiting for those. Raises LH003, LH007, LH008, LH009 (leased), LH010.';
