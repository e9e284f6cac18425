create or replace function _grant(ids uuid[], worker_id text, lease interval, max_attempts integer)
returns setof work
language plpgsql
volatile
as $_grant$
declare
    -- read once the keys are locked: no lease of a key begins, by the clock either, before the one before it has ended
    v_now   constant timestamptz := _now();
begin
    return query
    -- Deleted and written anew, not updated: a claimer with an older look, who runs into the old row, finds it gone. An updated one he would follow
    -- to its new version, and lock that before he sees that it is leased; its worker would have to wait for him.
    with gone as (
        delete from job as j
        using (
            -- drawn while the job, and its key, are locked: outside systems can compare
            select i.job_id, nextval('fence_seq') as fence from unnest(ids) as i (job_id)
        ) as f
        where j.job_id = any (ids) and j.job_id = f.job_id
        returning j.*, f.fence as new_fence
    ), granted as (
        insert into job as j (
            job_id, number, submitted_at, available_at, attempt, priority, crashes, state, next_need, submitted_by, on_dependency_failure, payload,
            metadata, expires_at, max_attempts, retry, singleton_key, idempotency_key, wait_for, run_id, step, fence, lease_id, worker_id,
            leased_at, lease_expires_at, check_at, error, error_code
        )
        select
            g.job_id, g.number, g.submitted_at, g.available_at, g.attempt + 1, g.priority, g.crashes, 'leased', g.next_need, g.submitted_by,
            g.on_dependency_failure, g.payload, g.metadata, g.expires_at, g.max_attempts, g.retry, g.singleton_key, g.idempotency_key, g.wait_for,
            g.run_id, g.step, g.new_fence, _lease_id(g.job_id, g.new_fence), _grant.worker_id, v_now, v_now + lease,
            v_now + lease, g.error, g.error_code
        from gone as g
        returning j.*
    )
    select
        g.job_id,
        g.lease_id,
        g.fence,
        g.next_need,
        g.payload,
        g.attempt,
        coalesce(g.max_attempts, _grant.max_attempts),
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
    order by g.priority, g.number;
end
$_grant$;

comment on function _grant(uuid[], text, interval, integer) is
    'Leases jobs whose locks (and keys) the caller holds: the one place that counts attempts and draws fences.';
