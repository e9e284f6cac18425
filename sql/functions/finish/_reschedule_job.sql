create or replace function _reschedule_job(
    v_job job, next_need text, payload jsonb, wait_for uuid[], available_at timestamptz, priority integer,
    expires_at timestamptz, max_attempts integer, retry jsonb, on_dependency_failure text, verb text, actor text
)
returns outcome
language plpgsql
volatile
as $_reschedule_job$
declare
    v_now           constant timestamptz := _now();
    v_dependencies  uuid[];
    v_end_state     text;
    v_ended_by      uuid;
    v_known         boolean := false;
begin
    v_job.next_need := coalesce(next_need, v_job.next_need);
    v_job.payload := coalesce(payload, v_job.payload);
    v_job.priority := coalesce(priority, v_job.priority);
    v_job.available_at := coalesce(available_at, v_job.available_at);
    v_job.expires_at := nullif(coalesce(expires_at, v_job.expires_at), 'infinity');
    v_job.options := _pack_options(
        coalesce(max_attempts, (v_job.options).max_attempts),
        coalesce(retry, (v_job.options).retry),
        (v_job.options).idempotency_key,
        case
            when wait_for is null then (v_job.options).wait_for
            else nullif(array(select distinct w.id from unnest(wait_for) as w (id)), '{}')
        end,
        (v_job.options).run_id,
        (v_job.options).step
    );
    v_job.on_dependency_failure := coalesce(on_dependency_failure, v_job.on_dependency_failure);
    v_job.attempt := 0;
    perform _open_lane(v_job.next_need, v_job.priority, v_job.singleton_key is not null, v_now);

    if wait_for is null and on_dependency_failure is not null then
        -- wait_for is null only for an unheld job, which keeps waiting for the same jobs. The new policy also applies
        -- to those of them that have ended already.
        wait_for := array(select e.waits_for from dependency as e where e.job_id = v_job.job_id);
        v_known := true;
    end if;
    if wait_for is not null then
        delete from dependency as e where e.job_id = v_job.job_id;
        if wait_for <> '{}' then
            select r.dependencies, r.end_state, r.ended_by into v_dependencies, v_end_state, v_ended_by
            from _resolve_wait_for(v_job.job_id, wait_for, v_job.on_dependency_failure, null) as r;
            if v_dependencies is not null and not v_known then
                perform _check_cycle(v_job.job_id, v_dependencies);
            end if;
        end if;
    end if;
    return _requeue(v_job, verb, actor, null, v_dependencies, v_end_state, v_ended_by, v_now);
end
$_reschedule_job$;

comment on function _reschedule_job(
    job, text, jsonb, uuid[], timestamptz, integer, timestamptz, integer, jsonb, text, text, text
) is
    'Does what reschedule and reschedule_unheld do, to a job whose lock the caller holds.';
