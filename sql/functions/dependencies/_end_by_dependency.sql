create or replace function _end_by_dependency(job_id uuid, doom text, doomed_by uuid, answer jsonb, now timestamptz)
returns void
language plpgsql
volatile
as $_end_by_dependency$
declare
    v_job job := _lock_job(job_id);
begin
    if doom = 'cancelled' then
        perform _record_history(job_id, 'cancelled', 'leasehold', 'cancelled', v_job.attempt, 'with ' || doomed_by, now);
        perform _archive_unheld(v_job, 'cancelled', null, answer, now);
    else
        perform _bury(v_job, 'dependency_failed', format('dependency %s ended before', doomed_by), null, answer, 'leasehold', now);
    end if;
end
$_end_by_dependency$;

comment on function _end_by_dependency(uuid, text, uuid, jsonb, timestamptz) is
    'Ends a job at once, as dead or cancelled, because something it was to wait for has ended so.';
