create or replace function _lock_leased(job_id uuid)
returns job
language plpgsql
volatile
as $_lock_leased$
declare
    v_job job;
begin
    select j.* into v_job from leased as j where j.job_id = _lock_leased.job_id for update;
    return v_job;
end
$_lock_leased$;

comment on function _lock_leased(uuid) is
    'Locks a leased job for ending or moving it, and reads it as it is once the lock is held. All nulls where no worker holds such a job. Whoever holds it: '
    '_lock_job.';
