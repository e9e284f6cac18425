create or replace function submit_many(jobs jsonb)
returns setof submitted
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $submit_many$
declare
    v_now           constant timestamptz := _now_after_xid();
    v_requests      _request[] := _read_requests(jobs);
    v_ids           constant uuid[] := array(select coalesce(r.job_id, _uuid_v7(v_now)) from unnest(v_requests) as r);
    v_special       bigint[];
    v_needs         text[];
    v_payloads      jsonb[];
    v_priorities    integer[];
    v_firsts        uuid[];
begin
    if v_ids = '{}' then
        return;
    end if;
    select
        array_agg(r.next_need), array_agg(r.payload), array_agg(r.priority),
        array_agg(r.ordinality) filter (
            where (
                _is_plain_need(r.next_need) and _is_plain_request(r.payload, octet_length(r.payload::text), r.priority, r.on_dependency_failure, r.metadata)
                and r.wait_for = '{}'
                and (
                    r.job_id, r.singleton_key, r.idempotency_key, r.available_at, r.expires_at, r.max_attempts, r.retry, r.submitted_by
                ) is null
            ) is not true
        )
    into v_needs, v_payloads, v_priorities, v_special
    from unnest(v_requests) with ordinality as r;
    -- nearly always: jobs that have what every job has, and no more
    if v_special is null then
        perform _insert_plain_jobs(v_ids, v_needs, v_payloads, v_priorities, v_now);
        return query select i.id, true, 'ready', v_now from unnest(v_ids) as i (id);
        return;
    end if;
    v_requests := array(select _fill_defaults(r) from unnest(v_requests) as r);
    perform _check_submit(v_requests[s.at], format('jobs[%s].', s.at - 1)) from unnest(v_special) as s (at);
    perform _check_batch_cycles(v_requests);
    v_firsts := _reserve_keys(v_requests, v_ids);
    perform _reserve_ids(v_requests, v_firsts);
    v_requests := _remap_wait_for(v_requests, v_firsts);
    return query
    select a.* from unnest(_store_jobs(v_requests, v_ids, v_firsts, v_now)) as a;
end
$submit_many$;

comment on function submit_many(jsonb) is
    'Records many jobs, all or none: a JSON array of at most 10,000 objects whose keys are the parameters of submit, times as '
    '2026-11-29T12:00:00Z or with another offset. One row back per element, in '
    'order. Elements may wait for each other by job_id, in any order, which means the job that the element resulted in. Locks: waits only for '
    'transactions that submit the same keys or ids, which it takes in one order. Raises what submit raises, LH004 for a circle inside, LH010 with the '
    'number of the element.';
