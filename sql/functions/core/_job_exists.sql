create or replace function _job_exists(job_id uuid)
returns boolean
language plpgsql
volatile
as $_job_exists$
begin
    -- One statement has one snapshot: the job may be moving from one table to the other.
    return exists (
        select from job as j where j.job_id = _job_exists.job_id
        union all
        select from archive as a where a.job_id = _job_exists.job_id
    );
end
$_job_exists$;

comment on function _job_exists(uuid) is 'Returns whether a job of this id exists, live or archived.';
