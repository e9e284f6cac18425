create or replace function _insert_plain_jobs(
    ids uuid[], needs text[], payloads jsonb[], priorities integer[], now timestamptz
)
returns void
language plpgsql
volatile
as $_insert_plain_jobs$
declare
    v_actor         constant text := _acting_role();
    v_needs         text[];
    v_priorities    smallint[];
begin
    with made as (
        -- all columns in their order, and of their types: as in _claim_one
        insert into ready (
            job_id, number, submitted_at, available_at, attempt, priority, crashes, parked, cancel_requested, state,
            next_need, submitted_by, on_dependency_failure, payload, metadata, expires_at, singleton_key, options,
            fence, lease_id, worker_id, leased_at, lease_expires_at, check_at, answer, failure, ended_at
        )
        select
            r.job_id, nextval('number_seq'), _insert_plain_jobs.now, _insert_plain_jobs.now, 0, r.priority::smallint,
            0::smallint, false, false, 'ready'::text, r.next_need, v_actor, 'hold'::text, r.payload, null::jsonb,
            null::timestamptz, null::text, null::_job_options, null::bigint, null::uuid, null::text, null::timestamptz,
            null::timestamptz, null::timestamptz, null::jsonb, null::_job_failure, null::timestamptz
        from unnest(ids, needs, payloads, priorities) as r (job_id, next_need, payload, priority)
        returning ready.next_need, ready.priority
    )
    select array_agg(u.next_need), array_agg(u.priority)
    into v_needs, v_priorities
    from (select distinct m.next_need, m.priority from made as m) as u;
    perform _open_lanes_and_wake(
        v_needs, v_priorities, array_fill(true, array[cardinality(v_needs)]),
        array_fill(false, array[cardinality(v_needs)]), now
    );
end
$_insert_plain_jobs$;

comment on function _insert_plain_jobs(uuid[], text[], jsonb[], integer[], timestamptz) is
    'Writes plain jobs (_is_plain_request), as submit itself writes one. Other jobs: _insert_jobs. now: '
    '_now_after_xid().';
