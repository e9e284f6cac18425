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
    v_now       constant timestamptz := _now_in_order();
    v_requests  constant _request[] := _requests(jobs);
    v_count     constant integer := cardinality(v_requests);
    v_ids       uuid[];
    v_firsts    uuid[] := array_fill(null::uuid, array[v_count]);
    v_meant     jsonb;
    v_request   _request;
    v_at        integer;
begin
    for v_at in 1 .. v_count loop
        perform _check_submit(v_requests[v_at], format('jobs[%s].', v_at - 1));
        v_ids[v_at] := coalesce(v_requests[v_at].job_id, _uuid_v7(v_now));
    end loop;
    perform _check_batch_circles(v_requests);

    -- keys, then ids, each in one order: two batches that share some must not wait for each other crosswise
    for v_at in
        select r.ordinality
        from unnest(v_requests) with ordinality as r
        where r.idempotency_key is not null
        order by r.idempotency_key collate "C", r.ordinality
    loop
        v_request := v_requests[v_at];
        v_firsts[v_at] := _claim_key(
            v_request.idempotency_key, v_ids[v_at], _request_hash(v_request.next_need, v_request.payload, v_request.job_id)
        );
    end loop;
    for v_at in
        select r.ordinality from unnest(v_requests) with ordinality as r where r.job_id is not null order by r.job_id, r.ordinality
    loop
        if v_firsts[v_at] is null then
            perform _claim_id(v_requests[v_at].job_id);
        end if;
    end loop;

    -- What an element resulted in is what the others wait for: its own id, or the job that its key had before.
    select jsonb_object_agg(r.job_id, v_firsts[r.ordinality]) into v_meant
    from unnest(v_requests) with ordinality as r
    where r.job_id <> v_firsts[r.ordinality];

    for v_at in 1 .. v_count loop
        if v_firsts[v_at] is not null then
            return next _known(v_firsts[v_at]);
            continue;
        end if;
        v_request := v_requests[v_at];
        if v_meant is not null then
            v_request.wait_for := array(
                select coalesce((v_meant ->> w.id::text)::uuid, w.id) from unnest(v_request.wait_for) as w (id)
            );
        end if;
        return next _store(v_request, v_ids[v_at], v_ids, format('jobs[%s].', v_at - 1), v_now);
    end loop;
end
$submit_many$;

comment on function submit_many(jsonb) is
    'Records many jobs, all or none: a JSON array of at most 10,000 objects whose keys are the parameters of submit. One row back per element, in '
    'order. Elements may wait for each other by job_id, in any order, which means the job that the element resulted in. Locks: waits only for '
    'transactions that submit the same keys or ids, which it takes in one order. Raises what submit raises, LH004 for a circle inside, LH010 with the '
    'number of the element.';
