create or replace function _is_there(job_id uuid)
returns boolean
language plpgsql
volatile
as $_is_there$
begin
    -- one statement, one snapshot: the job may be moving from one to the other
    return exists (
        select from job as j where j.job_id = _is_there.job_id
        union all
        select from archive as a where a.job_id = _is_there.job_id
    );
end
$_is_there$;

comment on function _is_there(uuid) is 'Whether there is a job of this id, live or archived.';
