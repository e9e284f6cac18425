create or replace function submit_many(jobs jsonb)
returns setof submitted
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
as $submit_many$
declare
    v_requests  _request[];
    v_made      uuid[];
    v_request   _request;
    v_names     jsonb;
    v_known     uuid[];
    v_submitted submitted;
begin
    v_requests := _requests(jobs);
    perform _check_batch_circles(v_requests);

    -- What an element resulted in: its own id, or the one that its idempotency key had before. Those are what the others wait for.
    select
        coalesce(jsonb_object_agg(r.job_id, i.job_id) filter (where i.job_id is not null), '{}'),
        array_agg(r.job_id) filter (where i.job_id is null)
    into v_names, v_known
    from unnest(v_requests) as r
    left join idempotency as i on i.key = r.idempotency_key
    where r.job_id is not null;

    foreach v_request in array v_requests loop
        v_submitted := _submit(
            v_request.next_need, v_request.payload, v_request.job_id,
            case
                when v_names = '{}' then v_request.wait_for
                else array(select coalesce((v_names ->> w.id::text)::uuid, w.id) from unnest(v_request.wait_for) as w (id))
            end,
            v_request.singleton_key, v_request.idempotency_key, v_request.priority, v_request.available_at, v_request.expires_at,
            v_request.max_attempts, v_request.retry, v_request.on_dependency_failure, v_request.metadata, v_request.submitted_by, v_known
        );
        v_made := v_made || v_submitted.job_id;
        -- somebody else took the key since the look above: what waits for this id must wait for his job
        if v_request.job_id = any (v_known) and v_submitted.job_id <> v_request.job_id then
            raise exception 'idempotency key % was taken while this call ran', to_json(v_request.idempotency_key)
                using errcode = 'serialization_failure',
                      detail = jsonb_build_object('idempotency_key', v_request.idempotency_key)::text,
                      hint = 'Try the transaction again.';
        end if;
        return next v_submitted;
    end loop;
end
$submit_many$;

comment on function submit_many(jsonb) is
    'Records many jobs, all or none: a JSON array of at most 10,000 objects whose keys are the parameters of submit. One row back per element, in '
    'order. Elements may wait for each other by job_id, in any order, which means the job that the element resulted in. Raises what submit '
    'raises, LH004 for a circle inside, LH010 with the number of the element in DETAIL.';
