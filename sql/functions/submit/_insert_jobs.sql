create or replace function _insert_jobs(
    requests _request[], ids uuid[], firsts uuid[], blocked boolean[], parked boolean[], now timestamptz
)
returns void
language plpgsql
volatile
as $_insert_jobs$
declare
    v_actor         constant text := _acting_role();
    v_needs         text[];
    v_priorities    smallint[];
    v_ready         boolean[];
    v_keyed         boolean[];
    v_dues          timestamptz[];
begin
    with made as materialized (
        -- every column of job, in its order
        select
            ids[r.ordinality], nextval('number_seq'), _insert_jobs.now,
            coalesce(r.available_at, _insert_jobs.now) as available_at, 0, r.priority::smallint as priority,
            0::smallint, coalesce(_insert_jobs.parked[r.ordinality], false), false,
            _entry_state(blocked[r.ordinality], r.available_at, _insert_jobs.now) as state,
            r.next_need, coalesce(r.submitted_by, v_actor), r.on_dependency_failure, r.payload,
            nullif(r.metadata, '{}'), r.expires_at, r.singleton_key,
            _pack_options(r.max_attempts, r.retry, r.idempotency_key, d.wait_for),
            null::bigint, null::uuid, null::text, null::timestamptz, null::timestamptz, null::timestamptz, null::jsonb,
            null::_job_failure, null::timestamptz
        from unnest(requests) with ordinality as r
        -- apart, for _pack_options is not inlined, but called for each row, if one of its arguments is a subquery
        cross join lateral (
            select
                case
                    when r.wait_for <> '{}' then array(select distinct w.id from unnest(r.wait_for) as w (id))
                end as wait_for
            offset 0
        ) as d
        where firsts[r.ordinality] is null
    ), there as (
        insert into ready select m.* from made as m where m.state = 'ready' and m.singleton_key is null
    ), here as (
        insert into job select m.* from made as m where m.state <> 'ready' or m.singleton_key is not null
    ), used as (
        select
            m.next_need, m.priority, bool_or(m.state = 'ready') as ready, bool_or(m.singleton_key is not null) as keyed,
            min(m.available_at) filter (where m.state = 'scheduled') as due_at
        from made as m
        group by m.next_need, m.priority
    )
    select
        array_agg(u.next_need), array_agg(u.priority), array_agg(u.ready), array_agg(u.keyed), array_agg(u.due_at)
    into v_needs, v_priorities, v_ready, v_keyed, v_dues
    from used as u;
    perform _open_lanes_and_wake(v_needs, v_priorities, v_ready, v_keyed, _insert_jobs.now);
    if num_nonnulls(variadic v_dues) > 0 then
        perform _wake_for_scheduled(v_needs, v_dues);
    end if;
end
$_insert_jobs$;

comment on function _insert_jobs(_request[], uuid[], uuid[], boolean[], boolean[], timestamptz) is
    'Writes the jobs of a batch, except those that exist already (firsts), as _store_job writes one: it opens their '
    'lanes, and wakes once, for all needs that a worker waits for. blocked, parked: null for none. now: '
    '_now_after_xid().';
