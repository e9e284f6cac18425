create or replace function _redrive_job(v_job job, actor text, reason text, expires_at timestamptz, now timestamptz)
returns outcome
language plpgsql
volatile
as $_redrive_job$
declare
    v_outcome outcome;
begin
    v_job.attempt := 0;
    v_job.available_at := greatest(v_job.available_at, now);
    -- an earlier expires_at that leaves no time to start would bury the job again
    v_job.expires_at := nullif(
        coalesce(expires_at, case when v_job.expires_at > v_job.available_at then v_job.expires_at end), 'infinity'
    );
    v_outcome := _requeue(v_job, 'redriven', actor, reason, null, null, null, now);
    perform _propagate_end(v_job.job_id);
    return v_outcome;
end
$_redrive_job$;

comment on function _redrive_job(job, text, text, timestamptz, timestamptz) is
    'What redrive and redrive_many do with a dead job, whose lock the caller holds. expires_at: null keeps the earlier '
    'one if it leaves time to start, infinity removes it.';
