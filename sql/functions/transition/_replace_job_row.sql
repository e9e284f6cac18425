create or replace function _replace_job_row(v_job job)
returns void
language plpgsql
volatile
as $_replace_job_row$
begin
    -- Deleted and inserted again, not updated: see _set_parked.
    delete from leased as j where j.job_id = v_job.job_id;
    if not found then
        delete from job as j where j.job_id = v_job.job_id;
    end if;
    insert into job values (v_job.*);
end
$_replace_job_row$;

comment on function _replace_job_row(job) is
    'Replaces the row of a job, whose lock the caller holds, by v_job, which is blocked, scheduled or dead.';
