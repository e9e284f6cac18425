create or replace function _lock_leased_job(job_id uuid, lease_id uuid)
returns job
language plpgsql
volatile
as $_lock_leased_job$
declare
    v_job job;
begin
    -- This does not wait for a job that another lease holds: the worker of that lease may itself wait for a job that
    -- this transaction has locked.
    select j.* into v_job
    from leased as j
    where j.job_id = _lock_leased_job.job_id and j.lease_id = _lock_leased_job.lease_id
    for update;
    return v_job;
end
$_lock_leased_job$;

comment on function _lock_leased_job(uuid, uuid) is
    'Locks the job of a current lease so that it can be ended or requeued, and reads it as it is once the lock is '
    'held. If the lease is not current, all columns are null and nothing is locked; the function has then waited for '
    'nothing but the end of that lease. _lock_job locks a job in any state.';
