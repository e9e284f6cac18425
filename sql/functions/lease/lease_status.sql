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
    -- live first: a job moves from there to the archive, never back, so that one of the two looks finds it
    select j.* into v_job from job as j where j.job_id = lease_status.job_id;
    if not found then
        select a.* into v_ended from archive as a where a.job_id = lease_status.job_id;
        if not found then
            perform _raise_job_not_found(job_id);
        end if;
        -- the same condition as in _replay_or_raise for LH018
        return (
            false, v_ended.state = 'cancelled', null, v_ended.state,
            case when v_ended.state = 'succeeded' and v_ended.lease_id = lease_status.lease_id and v_ended.answer is null then v_ended.result end
        )::lease_state;
    elsif v_job.state <> 'leased' or v_job.lease_id <> lease_status.lease_id then
        return (false, false, null, v_job.state, null)::lease_state;
    end if;
    return (true, v_job.cancel_requested, _expires_at(v_job.fence, v_job.lease_expires_at) - _now(), v_job.state, null)::lease_state;
end
$lease_status$;

comment on function lease_status(uuid, uuid) is
    'Whether this lease is current, whether cancellation was asked for (or done), and how much of the lease remains (negative: it ran out, but nobody took '
    'the job yet). state is the job''s; result is what this very lease completed it with, for a worker that LH018 told so. Locks nothing. Raises LH003, LH010.';
