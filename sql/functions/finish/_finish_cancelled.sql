create or replace function _finish_cancelled(
    v_job job, verb text, now timestamptz, error text default null, error_code text default null
)
returns outcome
language plpgsql
volatile
as $_finish_cancelled$
begin
    perform _record_history(
        v_job.job_id, 'cancelled', v_job.worker_id, 'cancelled', v_job.attempt, 'its worker stopped', now, error,
        error_code
    );
    if _archive_leased(
        v_job.job_id, null, 'cancelled', null,
        jsonb_build_object('verb', verb, 'state', 'cancelled', 'available_at', null, 'attempt', v_job.attempt), now
    ) then
        perform _propagate_end(v_job.job_id);
    end if;
    return ('cancelled', null, v_job.attempt)::outcome;
end
$_finish_cancelled$;

comment on function _finish_cancelled(job, text, timestamptz, text, text) is
    'Ends a leased job whose cancellation was requested, and returns the answer for its worker. The error of a failed '
    'attempt is kept in the history.';
