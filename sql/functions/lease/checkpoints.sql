create or replace function checkpoints(job_id uuid, lease_id uuid)
returns setof checkpoint_result
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $checkpoints$
begin
    perform _lock_current_lease(job_id, lease_id, 'checkpoints');
    return query
    select c.name, c.result, c.recorded_at
    from checkpoint as c
    where c.job_id = checkpoints.job_id
    order by c.recorded_at, c.name;
end
$checkpoints$;

comment on function checkpoints(uuid, uuid) is
    'What a leased job has recorded so far, earlier attempts included: name, result and recorded_at, in the order of '
    'recorded_at. Locks the job''s row. Raises LH001, LH002, LH003, LH007, LH008, LH010.';
