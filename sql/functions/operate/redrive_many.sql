create or replace function redrive_many(capability text, actor text, limit_jobs integer default 100)
returns setof uuid
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $redrive_many$
declare
    v_ids uuid[];
    v_job job;
begin
    perform _check_text('capability', capability, 201);
    perform _check_capabilities(array[capability], 'capability');
    perform _check_text('actor', actor, 200);
    perform _check_count('limit_jobs', limit_jobs, 1, 100000);
    select array_agg(d.job_id) into v_ids
    from (
        select f.job_id
        from unnest(_matching_needs(array[capability])) as n (need)
        cross join lateral (
            select j.job_id, j.ended_at
            from only job as j
            where j.state = 'dead' and j.next_need = n.need
            order by j.ended_at
            limit coalesce(limit_jobs, 100)
            for update skip locked
        ) as f
        order by f.ended_at
        limit coalesce(limit_jobs, 100)
    ) as d;
    -- a statement of its own, which reads the jobs as they are now that the locks are held
    for v_job in
        select j.* from only job as j where j.job_id = any (v_ids) order by j.ended_at
    loop
        perform _redrive_job(v_job, actor, null, null, _now());
        return next v_job.job_id;
    end loop;
end
$redrive_many$;

comment on function redrive_many(text, text, integer) is
    'redrive for up to limit_jobs (1 to 100,000) dead jobs of a need or prefix, the longest dead first. An expires_at '
    'is kept if it leaves time to start. Returns their ids. Locks their rows by skipping what is locked. Raises LH010.';
