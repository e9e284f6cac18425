create or replace function _end_by_dependency(
    job_id uuid, end_state text, ended_by uuid, answer jsonb, now timestamptz
)
returns void
language plpgsql
volatile
as $_end_by_dependency$
declare
    v_job job := _lock_job(job_id);
begin
    if end_state = 'cancelled' then
        perform _record_history(
            job_id, 'cancelled', 'leasehold', 'cancelled', v_job.attempt,
            format('dependency %s was cancelled', ended_by), now
        );
        perform _archive_unheld(v_job, 'cancelled', null, answer, now);
    else
        perform _bury(
            v_job, 'dependency_failed', format('dependency %s had already ended', ended_by), null, answer,
            'leasehold', now
        );
    end if;
    perform _propagate_end(job_id);
end
$_end_by_dependency$;

comment on function _end_by_dependency(uuid, text, uuid, jsonb, timestamptz) is
    'Ends a job at once, as dead or cancelled, because a job that it was to wait for has ended that way.';
