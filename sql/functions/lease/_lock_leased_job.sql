create or replace function _lock_leased_job(job_id uuid, lease_id uuid)
returns job
language plpgsql
volatile
as $_lock_leased_job$
declare
    v_job job;
begin
    -- a job that another lease has is not waited for: its worker may wait for one of this transaction's jobs
    select j.* into v_job
    from leased as j
    where j.job_id = _lock_leased_job.job_id and j.lease_id = _lock_leased_job.lease_id
    for update;
    return v_job;
end
$_lock_leased_job$;

comment on function _lock_leased_job(uuid, uuid) is
    'Locks the job of a current lease for ending or moving it, and reads it as it is once the lock is held. All nulls where the lease is not current: then '
    'nothing is locked, and nothing waited for but the end of that lease. Whatever its state: _lock_job.';
