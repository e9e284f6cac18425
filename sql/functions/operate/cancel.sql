create or replace function cancel(job_id uuid, actor text, reason text default null)
returns text
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $cancel$
declare
    v_job   job;
    v_now   timestamptz;
    v_ended text;
begin
    if job_id is null then
        perform _raise_invalid_argument('job_id', 'must not be null');
    end if;
    perform _check_text('actor', actor, 200);
    if reason is not null then
        perform _check_text('reason', reason, 1000);
    end if;
    v_job := _lock_job(job_id);
    v_now := _now();
    if v_job.state = 'leased' and _reclaim_one(job_id, v_now) then
        v_job := _lock_job(job_id);
    end if;
    if v_job.job_id is null then
        v_ended := _ended_as(job_id);
        if v_ended is null then
            perform _raise_job_not_found(job_id);
        end if;
        return v_ended;
    end if;

    if v_job.state <> 'leased' then
        perform _record_history(job_id, 'cancelled', actor, 'cancelled', v_job.attempt, reason, v_now);
        perform _archive_unheld(v_job, 'cancelled', null, null, v_now);
        perform _propagate_end(job_id);
        return 'cancelled';
    end if;
    if not v_job.cancel_requested then
        update leased as j set cancel_requested = true where j.job_id = cancel.job_id;
        perform _record_history(job_id, 'cancel_requested', actor, 'leased', v_job.attempt, reason, v_now);
    end if;
    return 'leased';
end
$cancel$;

comment on function cancel(uuid, text, text) is
    'Ends a job that no worker holds as cancelled. Of a leased job it requests cancellation: extend and reschedule '
    'then raise LH007, complete still succeeds, and any other end cancels the job. Idempotent: returns the state, '
    'which is cancelled, leased (cancellation is requested), or how the job ended before. actor and reason (at most '
    '1,000 bytes) are kept in the history. Locks the row of the job, then its key and its dependents, without waiting '
    'for those. Raises LH003, LH010.';
