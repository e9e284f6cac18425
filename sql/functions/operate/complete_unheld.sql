create or replace function complete_unheld(job_id uuid, actor text, result jsonb default null)
returns boolean
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $complete_unheld$
declare
    v_job job;
    v_now timestamptz;
begin
    perform _check_size('result', result, 'max_result_bytes');
    v_job := _lock_unheld(job_id, actor);
    v_now := _now();
    perform _record_history(job_id, 'complete_unheld', actor, 'succeeded', v_job.attempt, null, v_now);
    perform _archive_unheld(v_job, 'succeeded', result, null, v_now);
    perform _propagate_end(job_id);
    return true;
end
$complete_unheld$;

comment on function complete_unheld(uuid, text, jsonb) is
    'complete for a job that no worker holds: the work was done elsewhere. actor is kept in the history. Returns true. '
    'Locks the row of the job, then its key and its dependents, without waiting for those. Raises LH003, LH007, LH008, '
    'LH009 (leased), LH010, LH011.';
