create or replace function lease_status(job_id uuid, lease_id uuid)
returns lease_state
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $lease_status$
declare
    v_job   job;
    v_ended archive;
begin
    perform _check_ids(job_id, lease_id);
    -- The live job is read first. A job moves from there to the archive and never back, so one of the two reads finds
    -- it.
    select j.* into v_job from job as j where j.job_id = lease_status.job_id;
    if not found then
        select a.* into v_ended from archive as a where a.job_id = lease_status.job_id;
        if not found then
            perform _raise_job_not_found(job_id);
        end if;
        -- The result is returned on the same condition on which _replay_or_raise raises LH018.
        return (
            false, v_ended.state = 'cancelled', null, v_ended.state,
            case
                when v_ended.state = 'succeeded' and v_ended.lease_id = lease_status.lease_id and v_ended.answer is null
                    then v_ended.result
            end
        )::lease_state;
    elsif v_job.state <> 'leased' or v_job.lease_id <> lease_status.lease_id then
        return (false, false, null, v_job.state, null)::lease_state;
    end if;
    return (
        true, v_job.cancel_requested, _expires_at(v_job.fence, v_job.lease_expires_at) - _now(), v_job.state, null
    )::lease_state;
end
$lease_status$;

comment on function lease_status(uuid, uuid) is
    'Whether this lease is current, whether cancellation was requested or done, and how much of the lease remains. A '
    'negative remainder means that the lease ran out but was not reclaimed yet. state is the state of the job. result '
    'is what this lease completed the job with, for a worker that got LH018. Locks nothing. Raises LH003, LH010.';
