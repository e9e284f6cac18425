create or replace function hold_lease(job_id uuid, lease_id uuid)
returns timestamptz
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $hold_lease$
declare
    v_job job := _lock_current_lease(job_id, lease_id, 'hold_lease');
begin
    return _expires_at(v_job.fence, v_job.lease_expires_at);
end
$hold_lease$;

comment on function hold_lease(uuid, uuid) is
    'Locks a current lease until the caller''s transaction ends. The lease is not reclaimed in the meantime, so what '
    'the transaction writes commits only while the lease is held. Returns lease_expires_at. Locks the job''s row. '
    'Raises LH001, LH002, LH003, LH007, LH008, LH010.';
