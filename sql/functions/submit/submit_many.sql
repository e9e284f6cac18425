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
    v_plain         boolean[];
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
        array_agg((_is_plain_need(r.next_need) and _is_plain_request(r)) is true)
    into v_needs, v_payloads, v_priorities, v_plain
    from unnest(v_requests) as r;
    if true = all (v_plain) then
        perform _insert_plain_jobs(v_ids, v_needs, v_payloads, v_priorities, v_now);
        return query select i.id, true, 'ready', v_now from unnest(v_ids) as i (id);
        return;
    end if;

    v_requests := array(select _fill_defaults(r) from unnest(v_requests) as r);
    perform _check_submit(v_requests[p.at], format('jobs[%s].', p.at - 1))
    from unnest(v_plain) with ordinality as p (plain, at)
    where not p.plain;
    perform _check_batch_cycles(v_requests);
    v_firsts := _reserve_keys(v_requests, v_ids);
    perform _reserve_ids(v_requests, v_firsts);
    v_requests := _remap_wait_for(v_requests, v_firsts);
    return query
    select a.* from unnest(_store_jobs(v_requests, v_ids, v_firsts, v_now)) as a;
end
$submit_many$;

comment on function submit_many(jsonb) is
    'Records many jobs, all or none. jobs: a JSON array of at most 10,000 objects whose keys are the parameters of '
    'submit; times have an offset, as 2026-11-29T12:00:00Z. Returns one row per element, in their order. Elements may '
    'wait for each other by job_id, in any order; this means the job that the element results in. Locks: waits only '
    'for transactions that submit the same keys or ids, which it takes in their order. Raises what submit raises, '
    'LH004 for a cycle within the batch, and LH010 with the index of the element.';
