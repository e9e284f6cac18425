create or replace function _store_job(v_request _request, job_id uuid, now timestamptz)
returns submitted
language plpgsql
volatile
as $_store_job$
declare
    v_available_at  constant timestamptz := coalesce(v_request.available_at, now);
    v_metadata      constant jsonb := nullif(v_request.metadata, '{}');
    v_by            constant text := coalesce(v_request.submitted_by, _acting_role());
    v_keyed         constant boolean := v_request.singleton_key is not null;
    v_wait_for      uuid[];
    v_dependencies  uuid[];
    v_end_state     text;
    v_ended_by      uuid;
    v_state         text;
    v_parked        boolean := false;
    v_options       _job_options;
begin
    -- after the idempotency key was looked up: a request that is repeated too late is still a repeated request
    if v_request.expires_at is not null then
        perform _check_expires_at('expires_at', v_request.expires_at, now);
    end if;
    if v_request.wait_for <> '{}' then
        v_wait_for := array(select distinct w.id from unnest(v_request.wait_for) as w (id));
        select r.dependencies, r.end_state, r.ended_by into v_dependencies, v_end_state, v_ended_by
        from _resolve_wait_for(job_id, v_wait_for, v_request.on_dependency_failure, null) as r;
    end if;

    v_state := _entry_state(v_dependencies is not null or v_end_state is not null, v_request.available_at, now);
    if v_keyed and v_state = 'ready' then
        v_parked := _key_is_busy(job_id, v_request.singleton_key, v_request.next_need, v_request.priority::smallint);
        if v_parked then
            perform _defer_unpark(array[v_request.singleton_key]);
        end if;
    end if;
    v_options := _pack_options(v_request.max_attempts, v_request.retry, v_request.idempotency_key, v_wait_for);
    if v_state = 'ready' and not v_keyed then
        insert into ready (
            job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by,
            on_dependency_failure, payload, metadata, expires_at, options
        ) values (
            _store_job.job_id, nextval('number_seq'), _store_job.now, v_available_at, v_request.priority, 'ready',
            v_request.next_need, v_by, v_request.on_dependency_failure, v_request.payload, v_metadata,
            v_request.expires_at, v_options
        );
    else
        insert into job (
            job_id, number, submitted_at, available_at, priority, parked, state, next_need, submitted_by,
            on_dependency_failure, payload, metadata, expires_at, singleton_key, options
        ) values (
            _store_job.job_id, nextval('number_seq'), _store_job.now, v_available_at, v_request.priority, v_parked,
            v_state, v_request.next_need, v_by, v_request.on_dependency_failure, v_request.payload, v_metadata,
            v_request.expires_at, v_request.singleton_key, v_options
        );
    end if;
    perform _open_lanes_and_wake(
        array[v_request.next_need], array[v_request.priority::smallint], array[v_state = 'ready'], array[v_keyed],
        now
    );
    if v_state = 'scheduled' then
        perform _wake_for_scheduled(array[v_request.next_need], array[v_available_at]);
    end if;

    if v_dependencies is not null then
        perform _add_dependencies(job_id, v_dependencies);
    end if;
    if v_end_state is not null then
        perform _end_by_dependency(job_id, v_end_state, v_ended_by, null, now);
        v_state := v_end_state;
    elsif v_request.expires_at <= v_request.available_at then
        perform _bury_expired(_lock_job(job_id), now);
        perform _propagate_end(job_id);
        v_state := 'dead';
    end if;
    return (job_id, true, v_state, v_available_at)::submitted;
end
$_store_job$;

comment on function _store_job(_request, uuid, timestamptz) is
    'Writes a job whose request was checked, and whose idempotency key and id, if given, are reserved. Then it opens '
    'the lane of the job if it is not open, and wakes a worker that waits for such a job. It does for one job, at half '
    'the cost, what _store_jobs does for a batch. now: _now_after_xid(), because the queue number is drawn, and the '
    'waiting workers are looked up, after the transaction has its id. Raises LH004, LH010.';
