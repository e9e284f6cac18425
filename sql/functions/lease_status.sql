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
    v_ended text;
begin
    perform _check_ids(job_id, lease_id);
    -- live first: a job moves from there to the archive, never back, so that one of the two looks finds it
    select j.* into v_job from job as j where j.job_id = lease_status.job_id;
    if not found then
        v_ended := _end_state(job_id);
        if v_ended is null then
            perform _no_such_job(job_id);
        end if;
        return (false, v_ended = 'cancelled', null)::lease_state;
    elsif v_job.state <> 'leased' or v_job.lease_id <> lease_status.lease_id then
        return (false, false, null)::lease_state;
    end if;
    return (true, v_job.cancel_requested, _lease_end(v_job.fence, v_job.lease_expires_at) - _now())::lease_state;
end
$lease_status$;

comment on function lease_status(uuid, uuid) is
    'Whether this lease is current, whether cancellation was asked for (or done), and how much of the lease remains (negative: it ran out, but nobody took '
    'the job yet). Locks nothing. Raises LH003, LH010.';
