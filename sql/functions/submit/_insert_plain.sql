create or replace function _insert_plain(ids uuid[], needs text[], payloads jsonb[], priorities integer[], now timestamptz)
returns void
language plpgsql
volatile
as $_insert_plain$
declare
    v_actor         constant text := _actor();
    v_needs         text[];
    v_priorities    smallint[];
begin
    with made as (
        -- all columns in their order, and of their types: as in _claim
        insert into ready (
            job_id, number, submitted_at, available_at, attempt, priority, crashes, parked, cancel_requested, state, next_need, submitted_by,
            on_dependency_failure, payload, metadata, expires_at, singleton_key, options, fence, lease_id, worker_id, leased_at, lease_expires_at,
            check_at, answer, failure, ended_at
        )
        select
            r.job_id, nextval('number_seq'), _insert_plain.now, _insert_plain.now, 0, r.priority::smallint, 0::smallint, false, false, 'ready'::text,
            r.next_need, v_actor, 'hold'::text, r.payload, null::jsonb, null::timestamptz, null::text, null::_options, null::bigint, null::uuid, null::text,
            null::timestamptz, null::timestamptz, null::timestamptz, null::jsonb, null::_failure, null::timestamptz
        from unnest(ids, needs, payloads, priorities) as r (job_id, next_need, payload, priority)
        returning ready.next_need, ready.priority
    )
    select array_agg(u.next_need), array_agg(u.priority)
    into v_needs, v_priorities
    from (select distinct m.next_need, m.priority from made as m) as u;
    perform _announce(v_needs, v_priorities, array_fill(true, array[cardinality(v_needs)]), array_fill(false, array[cardinality(v_needs)]), now);
end
$_insert_plain$;

comment on function _insert_plain(uuid[], text[], jsonb[], integer[], timestamptz) is
    'Writes jobs that have what every job has, and no more (_is_plain): what submit does with one. now: _now_in_order(). Others: _insert_many.';
