create or replace function _bury(
    v_job job, reason text, error text, error_code text, answer jsonb, actor text, now timestamptz, nested boolean default false
)
returns void
language plpgsql
volatile
as $_bury$
begin
    update job as j
    set state = 'dead',
        dead_reason = reason,
        ended_at = now,
        error = coalesce(_bury.error, j.error),
        error_code = case when _bury.error is null then j.error_code else _bury.error_code end,
        answer = coalesce(_bury.answer, j.answer),
        crashes = v_job.crashes,
        cancel_requested = false,
        parked = false,
        check_at = null
    where j.job_id = v_job.job_id;
    perform _record(v_job.job_id, 'buried', actor, 'dead', v_job.attempt, reason, now);
    if v_job.singleton_key is not null then
        perform _leave_key(v_job.singleton_key, v_job.state);
    end if;
    perform _tell_dependents(v_job.job_id, nested);
end
$_bury$;

comment on function _bury(job, text, text, text, jsonb, text, timestamptz, boolean) is
    'The one place that buries. The caller holds the lock of v_job; v_job.crashes is what is to be stored.';
