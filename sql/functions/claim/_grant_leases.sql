create or replace function _grant_leases(ids uuid[], keyed boolean, worker_id text, lease interval)
returns setof work
language plpgsql
volatile
as $_grant_leases$
declare
    v_now           constant timestamptz := _now();
    v_max_attempts  constant integer := _setting_value('max_attempts')::integer;
begin
    -- This is the statement of _claim_one for several jobs. If both were one, a single job would cost a twentieth more.
    -- The columns are listed twice, because j.* would cost a tenth more.
    return query
    with free as (
        delete from ready as j
        where j.job_id = any (ids) and (j.expires_at is null or j.expires_at > v_now)
        returning
            j.job_id, j.number, j.submitted_at, j.available_at, j.attempt, j.priority, j.crashes, j.next_need,
            j.submitted_by, j.on_dependency_failure, j.payload, j.metadata, j.expires_at, j.singleton_key, j.options,
            j.failure, nextval('fence_seq') as fence, _now() as at
    ), heads as (
        delete from only job as j
        where keyed and j.job_id = any (ids) and (j.expires_at is null or j.expires_at > v_now)
        returning
            j.job_id, j.number, j.submitted_at, j.available_at, j.attempt, j.priority, j.crashes, j.next_need,
            j.submitted_by, j.on_dependency_failure, j.payload, j.metadata, j.expires_at, j.singleton_key, j.options,
            j.failure, nextval('fence_seq') as fence, _now() as at
    ), gone as (
        select f.* from free as f
        union all
        select h.* from heads as h
    ), made as (
        insert into leased as j (
            job_id, number, submitted_at, available_at, attempt, priority, crashes, parked, cancel_requested, state,
            next_need, submitted_by, on_dependency_failure, payload, metadata, expires_at, singleton_key, options,
            fence, lease_id, worker_id, leased_at, lease_expires_at, check_at, answer, failure, ended_at
        )
        select
            g.job_id, g.number, g.submitted_at, g.available_at, g.attempt + 1, g.priority, g.crashes, false, false,
            'leased'::text, g.next_need, g.submitted_by, g.on_dependency_failure, g.payload, g.metadata, g.expires_at,
            g.singleton_key, g.options, g.fence, _make_lease_id(g.job_id, g.fence), _grant_leases.worker_id, g.at,
            g.at + lease, g.at + lease, null::jsonb, g.failure, null::timestamptz
        from gone as g
        returning
            j.job_id, j.lease_id, j.fence, j.next_need, j.payload, j.attempt,
            coalesce((j.options).max_attempts, v_max_attempts), j.lease_expires_at, j.lease_expires_at - _now(),
            j.singleton_key, coalesce(j.metadata, '{}'), (j.options).run_id, (j.options).step,
            case
                when (j.options).wait_for is null then '{}'
                else coalesce(_dependency_results((j.options).wait_for), '{}')
            end,
            (j.options).wait_for is not null and _dependency_results((j.options).wait_for) is null
    )
    select l.*
    from made as l
    join unnest(ids) with ordinality as i (job_id, place) on i.job_id = l.job_id
    order by i.place;
end
$_grant_leases$;

comment on function _grant_leases(uuid[], boolean, text, interval) is
    'Leases jobs whose rows (and keys) the caller has locked, and returns them in the order of ids. keyed: whether '
    'some of them may have a singleton key. The rows are deleted and inserted again, for the reason that _claim_one '
    'gives.';
