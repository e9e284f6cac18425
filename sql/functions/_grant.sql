create or replace function _grant(ids uuid[], worker_id text, lease interval, now timestamptz)
returns setof work
language plpgsql
volatile
as $_grant$
declare
    v_attempts constant integer := _setting_value('max_attempts')::integer;
begin
    return query
    with granted as (
        update job as j
        set state = 'leased',
            attempt = j.attempt + 1,
            fence = f.fence,
            lease_id = _lease_id(j.job_id, f.fence),
            worker_id = _grant.worker_id,
            leased_at = _grant.now,
            extended_at = null,
            lease_expires_at = _grant.now + lease,
            check_at = _grant.now + lease,
            answer = null
        -- drawn while the job, and its key, are locked: outside systems can compare
        from (
            select i.job_id, i.ordinality, nextval('fence_seq') as fence from unnest((select ids)) with ordinality as i (job_id, ordinality)
        ) as f
        where j.job_id = any (ids) and j.job_id = f.job_id
        returning j.*, f.ordinality
    )
    select
        g.job_id,
        g.lease_id,
        g.fence,
        g.next_need,
        g.payload,
        g.attempt,
        coalesce(g.max_attempts, v_attempts),
        g.lease_expires_at,
        g.lease_expires_at - _now(),
        g.singleton_key,
        coalesce(g.metadata, '{}'),
        g.run_id,
        g.step,
        coalesce(i.results, '{}'),
        i.results is null
    from granted as g
    cross join lateral (select case when g.wait_for is null then '{}' else _results(g.wait_for) end as results offset 0) as i
    order by g.ordinality;
end
$_grant$;

comment on function _grant(uuid[], text, interval, timestamptz) is
    'Leases jobs whose locks (and keys) the caller holds: the one place that counts attempts and draws fences.';
