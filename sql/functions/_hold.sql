create or replace function _hold(job_id uuid, lease_id uuid, verb text)
returns job
language plpgsql
volatile
as $_hold$
declare
    v_job job;
begin
    perform _check_ids(job_id, lease_id);
    -- read after the lock is held: the lease may have been taken away while this waited
    select j.* into v_job from leased as j where j.job_id = _hold.job_id for no key update;
    if v_job.lease_id = lease_id then
        return v_job;
    end if;
    perform _refuse(job_id, lease_id, verb);
    return null;
end
$_hold$;

comment on function _hold(uuid, uuid, text) is
    'Locks the job of a current lease until the transaction ends, and returns it; or says why the lease is not current (_refuse).';
