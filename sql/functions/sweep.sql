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
    v_swept swept;
begin
    perform _check_count('limit_jobs', limit_jobs, 1, 100000);
    v_swept := _tend(limit_jobs, _now());
    delete from waiter as w
    where w.ctid = any (array(select o.ctid from waiter as o where o.until < _now() - interval '1 minute' for update skip locked));
    -- doubles of needs that two producers used first at the same time
    delete from need as n
    where n.ctid = any (
        array(
            select m.ctid
            from need as m
            where exists (select from need as f where f.name = m.name and (f.first_seen, f.ctid) < (m.first_seen, m.ctid))
            for update skip locked
        )
    );
    return v_swept;
end
$sweep$;

comment on function sweep(integer) is
    'Upkeep that depends on nobody polling: promotes what is due, reclaims leases that ran out, expires what can start no more, frees and admits what was left '
    'for later; up to limit_jobs (1 … 100,000) of each. Returns how many of each. Locks jobs by skipping what is locked; waits for nobody. Raises LH010.';
