create or replace function _hold(job_id uuid, lease_id uuid, verb text)
returns job
language plpgsql
volatile
as $_hold$
declare
    v_job job;
begin
    perform _check_ids(job_id, lease_id);
    -- read after the lock is held: the lease may have been taken away while this waited; not waited for: the job of another lease (_lock_leased)
    select j.* into v_job
    from leased as j
    where j.job_id = _hold.job_id and j.lease_id = _hold.lease_id
    for no key update;
    if v_job.job_id is null then
        perform _refuse(job_id, lease_id, verb);
    end if;
    return v_job;
end
$_hold$;

comment on function _hold(uuid, uuid, text) is
    'Locks the job of a current lease until the transaction ends, and returns it; or says why the lease is not current (_refuse).';
