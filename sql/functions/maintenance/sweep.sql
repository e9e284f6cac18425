create or replace function sweep(limit_jobs integer default 1000)
returns swept
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
set enable_bitmapscan to off
as $sweep$
declare
    v_swept     swept;
    v_oldest    xid8;
begin
    perform _check_count('limit_jobs', limit_jobs, 1, 100000);
    -- read before this transaction has an id of its own
    v_oldest := _oldest_snapshot();
    v_swept := _run_maintenance(coalesce(limit_jobs, 1000), _now(), '-infinity', '-infinity');
    perform _run_contained_step('waiters', 10000, null, _now());
    perform _run_contained_step('heartbeats', 10000, null, _now());
    perform _remove_expired_records(_now());
    perform _retire_lanes(coalesce(limit_jobs, 1000), _now(), v_oldest);
    return v_swept;
end
$sweep$;

comment on function sweep(integer) is
    'Runs maintenance independently of polling workers: promotes jobs that are due, reclaims leases that have run out, '
    'buries jobs that have expired, frees dependents and unparks jobs of singleton keys that earlier transactions left '
    'for later. Up to limit_jobs (1 to 100,000) of each; returns how many of each. Locks jobs by skipping what is '
    'locked, and waits for no transaction. Raises LH010.';
