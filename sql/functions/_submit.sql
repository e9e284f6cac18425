create or replace function _submit(
    next_need text,
    payload jsonb,
    job_id uuid,
    wait_for uuid[],
    singleton_key text,
    idempotency_key text,
    priority integer,
    available_at timestamptz,
    expires_at timestamptz,
    max_attempts integer,
    retry jsonb,
    on_dependency_failure text,
    metadata jsonb,
    submitted_by text,
    known uuid[]
)
returns submitted
language plpgsql
volatile
as $_submit$
declare
    v_now       constant timestamptz := _now();
    v_id        uuid := coalesce(job_id, _uuid_v7(v_now));
    v_first     submitted;
    v_edges     uuid[];
    v_doom      text;
    v_doomed_by uuid;
    v_state     text;
    v_parked    boolean := false;
begin
    perform _check_need('next_need', next_need);
    perform _check_object('payload', payload);
    perform _check_size('payload', payload, 'max_payload_bytes');
    perform _check_object('metadata', metadata);
    perform _check_size('metadata', metadata, 'max_payload_bytes');
    perform _check_count('priority', priority, 0, 999);
    perform _check_policy(on_dependency_failure);
    if wait_for is null then
        perform _invalid('wait_for', 'must not be null', 'Leave it out to wait for nothing.');
    end if;
    -- most jobs have none of the rest
    if wait_for <> '{}' then
        perform _check_wait_for(wait_for);
    end if;
    if singleton_key is not null then
        perform _check_text('singleton_key', singleton_key, 1000);
    end if;
    if available_at is not null then
        perform _check_time('available_at', available_at);
    end if;
    if expires_at is not null then
        perform _check_time('expires_at', expires_at);
        if expires_at <= available_at then
            perform _invalid('expires_at', 'must lie after available_at', 'It is the last moment at which the job may start.');
        end if;
    end if;
    if max_attempts is not null then
        perform _check_count('max_attempts', max_attempts, 1, 10000);
    end if;
    if retry is not null then
        perform _check_retry(retry);
    end if;
    if submitted_by is not null then
        perform _check_text('submitted_by', submitted_by, 200);
    end if;

    if idempotency_key is not null then
        perform _check_text('idempotency_key', idempotency_key, 1000);
        v_first := _claim_key(idempotency_key, v_id, _request_hash(next_need, payload, job_id));
        if v_first.job_id is not null then
            return v_first;
        end if;
    end if;
    -- after the key: a request that is repeated too late is a repeated request all the same
    perform _check_expires_at(expires_at, v_now);
    if job_id is not null then
        perform _claim_id(job_id);
    end if;

    if not exists (select from need as n where n.name = _submit.next_need) then
        insert into need (name, first_seen) values (_submit.next_need, v_now);
    end if;
    if wait_for <> '{}' then
        select r.edges, r.doom, r.doomed_by into v_edges, v_doom, v_doomed_by
        from _resolve(v_id, wait_for, on_dependency_failure, known) as r;
    end if;

    v_state := case
        when v_edges is not null or v_doom is not null then 'blocked'
        when available_at > v_now then 'scheduled'
        else 'ready'
    end;
    if singleton_key is not null and v_state = 'ready' then
        v_parked := _is_busy(v_id, singleton_key, next_need, priority::smallint);
        if v_parked then
            insert into note (kind, singleton_key) values ('key', _submit.singleton_key);
        end if;
    end if;

    insert into job (
        job_id, number, submitted_at, available_at, priority, parked, state, next_need, submitted_by, on_dependency_failure, payload, metadata,
        expires_at, max_attempts, retry, singleton_key, idempotency_key, wait_for
    ) values (
        v_id, nextval('number_seq'), v_now, coalesce(_submit.available_at, v_now), _submit.priority, v_parked, v_state, _submit.next_need,
        coalesce(_submit.submitted_by, _actor()), _submit.on_dependency_failure, _submit.payload, nullif(_submit.metadata, '{}'),
        _submit.expires_at, _submit.max_attempts, _submit.retry, _submit.singleton_key, _submit.idempotency_key,
        nullif(_submit.wait_for, '{}')
    );

    if v_state = 'ready' then
        perform _ring(array[next_need]);
    elsif v_state = 'blocked' then
        if v_edges is not null then
            perform _wait(v_id, v_edges);
        end if;
        if v_doom is not null then
            perform _doom(v_id, v_doom, v_doomed_by, null, v_now);
            v_state := v_doom;
        end if;
    end if;
    return (v_id, true, v_state, coalesce(available_at, v_now))::submitted;
end
$_submit$;

comment on function _submit(
    text, jsonb, uuid, uuid[], text, text, integer, timestamptz, timestamptz, integer, jsonb, text, jsonb, text, uuid[]
) is
    'What submit does; known are ids that this call is going to make, which may be waited for before they are there.';
