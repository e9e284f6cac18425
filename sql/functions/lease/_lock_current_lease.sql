create or replace function _lock_current_lease(job_id uuid, lease_id uuid, verb text)
returns job
language plpgsql
volatile
as $_lock_current_lease$
declare
    v_job job;
begin
    perform _check_ids(job_id, lease_id);
    -- Reading with the lock shows whether the lease was reclaimed while this call waited. If another lease holds the
    -- job, this does not wait for it (see _lock_leased_job).
    select j.* into v_job
    from leased as j
    where j.job_id = _lock_current_lease.job_id and j.lease_id = _lock_current_lease.lease_id
    for no key update;
    if v_job.job_id is null then
        perform _replay_or_raise(job_id, lease_id, verb);
    end if;
    return v_job;
end
$_lock_current_lease$;

comment on function _lock_current_lease(uuid, uuid, text) is
    'Locks the job of a current lease until the transaction ends, and returns it. If the lease is not current, raises '
    'what _replay_or_raise raises.';
