create or replace function _lock_job(job_id uuid)
returns job
language plpgsql
volatile
as $_lock_job$
declare
    v_job job;
begin
    loop
        select j.* into v_job from job as j where j.job_id = _lock_job.job_id for update;
        -- a grant replaces the row: who waited for the old one finds it gone, and the job alive
        exit when found or not exists (select from job as j where j.job_id = _lock_job.job_id);
    end loop;
    return v_job;
end
$_lock_job$;

comment on function _lock_job(uuid) is
    'Locks a live job for ending or moving it, and reads it as it is once the lock is held. All nulls where no such job is live.';
