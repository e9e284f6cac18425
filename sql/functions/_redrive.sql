create or replace function _redrive(v_job job, actor text, reason text, expires_at timestamptz, now timestamptz)
returns outcome
language plpgsql
volatile
as $_redrive$
declare
    v_outcome outcome;
begin
    v_job.attempt := 0;
    v_job.expires_at := expires_at;
    v_job.available_at := greatest(v_job.available_at, now);
    v_outcome := _move(v_job, 'redriven', actor, reason, null, null, null, now);
    perform _tell_dependents(v_job.job_id);
    return v_outcome;
end
$_redrive$;

comment on function _redrive(job, text, text, timestamptz, timestamptz) is 'What redrive and redrive_many do with a dead job whose lock they hold.';
