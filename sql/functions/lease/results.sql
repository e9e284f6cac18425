create or replace function results(job_id uuid, lease_id uuid, after uuid default null, limit_rows integer default 100)
returns setof dependency_result
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $results$
declare
    v_job job;
begin
    perform _check_count('limit_rows', limit_rows, 1, 10000);
    v_job := _lock_current_lease(job_id, lease_id, 'results');
    return query
    select w.id, coalesce(a.state, j.state), a.result
    from (
        select distinct u.id from unnest((v_job.options).wait_for) as u (id)
        where results.after is null or u.id > results.after
        order by u.id
        limit coalesce(limit_rows, 100)
    ) as w (id)
    -- limit 1 forces one index lookup per id. A plain join could be planned as a scan of the whole tables.
    left join lateral (select o.state, o.result from archive as o where o.job_id = w.id limit 1) as a on true
    left join lateral (select o.state from job as o where o.job_id = w.id limit 1) as j on true
    order by w.id;
end
$results$;

comment on function results(uuid, uuid, uuid, integer) is
    'The jobs that the leased job waited for: job_id, state and result, in the order of job_id. Returns at most '
    'limit_rows (1 to 10,000) rows, beginning after the given job_id. Locks the job''s row. Raises LH001, LH002, '
    'LH003, LH007, LH008, LH010.';
