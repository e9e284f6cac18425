create or replace function complete(job_id uuid, lease_id uuid, result jsonb default null)
returns boolean
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $complete$
declare
    v_awaited boolean;
begin
    if job_id is null or lease_id is null then
        perform _check_ids(job_id, lease_id);
    end if;
    if result is not null then
        perform _check_size('result', result, 'max_result_bytes');
    end if;
    v_awaited := _archive_leased(job_id, lease_id, 'succeeded', result, null, _now_after_xid());
    if v_awaited is null then
        perform _replay_or_raise(job_id, lease_id, 'complete');
    elsif v_awaited then
        perform _propagate_end(job_id);
    end if;
    return true;
end
$complete$;

comment on function complete(uuid, uuid, jsonb) is
    'Ends a job as succeeded, in the caller''s transaction. result is any JSON value and is kept for the jobs that '
    'wait for this one. Succeeds after the lease ran out, as long as the job was not reclaimed, and after '
    'cancellation was requested. Frees the jobs that wait for the job, at once if they are few. Returns true. Locks '
    'the job''s row, then tries to lock its singleton key and its dependents. Raises LH018 if this lease completed '
    'the job before; LH001, LH002, LH003, LH007, LH008, LH010, LH011.';
