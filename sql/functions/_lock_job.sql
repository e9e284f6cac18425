create or replace function _lock_job(job_id uuid)
returns job
language sql
volatile
as $_lock_job$
    select j.* from job as j where j.job_id = _lock_job.job_id for update
$_lock_job$;

comment on function _lock_job(uuid) is
    'Locks a live job for ending or moving it, and reads it as it is once the lock is held. All nulls where no such job is live.';
