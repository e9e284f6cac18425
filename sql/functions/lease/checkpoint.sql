create or replace function checkpoint(job_id uuid, lease_id uuid, name text, result jsonb default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $checkpoint$
declare
    v_first jsonb;
begin
    perform _check_text('name', name, 200);
    perform _check_size('result', result, 'max_checkpoint_bytes');
    perform _lock_current_lease(job_id, lease_id, 'checkpoint');
    insert into checkpoint as c (job_id, name, result, recorded_at)
    values (checkpoint.job_id, checkpoint.name, checkpoint.result, _now())
    on conflict on constraint checkpoint_pkey do nothing;
    select c.result into v_first
    from checkpoint as c
    where c.job_id = checkpoint.job_id and c.name = checkpoint.name;
    return v_first;
end
$checkpoint$;

comment on function checkpoint(uuid, uuid, text, jsonb) is
    'Records the result of one step inside a leased job. The first result recorded under a name is kept through all '
    'retries, and is returned. name has at most 200 bytes. Locks the job''s row. Raises LH001, LH002, LH003, LH007, '
    'LH008, LH010, LH011.';
