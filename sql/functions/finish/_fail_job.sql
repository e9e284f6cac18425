create or replace function _fail_job(
    v_job job, error text, retryable boolean, retry_after interval, error_code text, actor text
)
returns outcome
language plpgsql
volatile
as $_fail_job$
declare
    v_now       constant timestamptz := _now();
    v_error     constant text := _clean_error(error);
    v_code      constant text := left(nullif(error_code, ''), 200);
    v_outcome   outcome;
begin
    if v_job.cancel_requested then
        return _finish_cancelled(v_job, 'fail', v_now, v_error, v_code);
    end if;
    v_job.crashes := 0;
    v_outcome := _retry_or_bury(
        v_job,
        case when not retryable or not _is_retryable((v_job.options).retry, v_error, v_code) then 'not_retryable' end,
        retry_after, v_error, v_code,
        case when v_job.state = 'leased' then 'fail' else 'fail_unheld' end,
        actor, v_now
    );
    if v_outcome.state = 'dead' then
        perform _propagate_end(v_job.job_id);
    end if;
    return v_outcome;
end
$_fail_job$;

comment on function _fail_job(job, text, boolean, interval, text, text) is
    'Does what fail and fail_unheld do, to a job whose lock the caller holds.';
