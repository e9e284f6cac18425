create or replace function _claim(need text, ids uuid[], worker_id text, lease interval)
returns setof work
language plpgsql
volatile
as $_claim$
declare
    v_now constant timestamptz := _now();
begin
    return query
    with gone as (
        delete from job as j
        where j.job_id = any (coalesce(ids, array(
            select f.job_id
            from (
                select k.priorities, k.numbers, k.fence, k.noted_at from mark as k where k.next_need = need order by k.mark_id desc limit 1
            ) as w
            cross join lateral unnest(w.priorities, w.numbers) as l (priority, number)
            cross join lateral (
                select r.job_id
                from job as r
                where r.next_need = need and r.priority = l.priority and r.number >= l.number
                    and r.state = 'ready' and r.singleton_key is null
                order by r.number
                limit 1
                for no key update skip locked
            ) as f
            where (
                    w.noted_at between v_now - interval '20 ms' and v_now
                    -- or hardly anything was claimed since, and upkeep was done not long ago
                    or w.fence + 100 > (select s.last_value from fence_seq as s)
                    and w.noted_at > '-infinity'
                    and (select t.at from tick as t order by t.tick_id desc limit 1) between v_now - interval '6 s' and v_now
                )
                and lease <= (select s.current_value::interval from setting as s where s.name = 'max_lease')
                and (
                    -- in the order of the index of heads: another one could be walked for it
                    select h.number from job as h where h.next_need = need and h.state = 'ready' and not h.parked and h.singleton_key is not null
                    order by h.next_need, h.priority, h.number
                    limit 1
                ) is null
            limit 1
        )))
            and (j.expires_at is null or j.expires_at > v_now)
        returning
            j.job_id, j.number, j.submitted_at, j.available_at, j.attempt, j.priority, j.crashes, j.next_need, j.submitted_by,
            j.on_dependency_failure, j.payload, j.metadata, j.expires_at, j.max_attempts, j.retry, j.singleton_key, j.idempotency_key, j.wait_for,
            j.run_id, j.step, j.error, j.error_code, nextval('fence_seq') as fence, _now() as at
    )
    insert into job as j (
        job_id, number, submitted_at, available_at, attempt, priority, crashes, state, next_need, submitted_by, on_dependency_failure, payload,
        metadata, expires_at, max_attempts, retry, singleton_key, idempotency_key, wait_for, run_id, step, fence, lease_id, worker_id,
        leased_at, lease_expires_at, check_at, error, error_code
    )
    select
        g.job_id, g.number, g.submitted_at, g.available_at, g.attempt + 1, g.priority, g.crashes, 'leased', g.next_need, g.submitted_by,
        g.on_dependency_failure, g.payload, g.metadata, g.expires_at, g.max_attempts, g.retry, g.singleton_key, g.idempotency_key, g.wait_for,
        g.run_id, g.step, g.fence, _lease_id(g.job_id, g.fence), _claim.worker_id, g.at, g.at + lease, g.at + lease, g.error, g.error_code
    from gone as g
    returning
        j.job_id, j.lease_id, j.fence, j.next_need, j.payload, j.attempt,
        coalesce(j.max_attempts, (select s.current_value::integer from setting as s where s.name = 'max_attempts')),
        j.lease_expires_at, j.lease_expires_at - _now(), j.singleton_key, coalesce(j.metadata, '{}'), j.run_id, j.step,
        case when j.wait_for is null then '{}' else coalesce(_results(j.wait_for), '{}') end,
        j.wait_for is not null and _results(j.wait_for) is null;
end
$_claim$;

comment on function _claim(text, uuid[], text, interval) is
    'The one place that leases jobs, counts attempts and draws fences. ids: jobs whose locks (and keys) the caller holds. Without ids it looks for one job of '
    'the need by itself, lane after lane from the newest marks on, locking by skipping what is locked; it finds none where more than that has to be looked '
    'at: marks that are due to be moved (or upkeep with them), heads of singleton keys, a job that may not start any more, a lease above the setting '
    'max_lease. Jobs are deleted and written anew, not updated: a claimer with an older look, who runs into the old row, finds it gone. An updated one he '
    'would follow to its new version, and lock that before he sees that it is leased; its worker would have to wait for him.';
