create or replace function submit(
    next_need text,
    payload jsonb default '{}',
    job_id uuid default null,
    wait_for uuid[] default '{}',
    singleton_key text default null,
    idempotency_key text default null,
    priority integer default 100,
    available_at timestamptz default null,
    expires_at timestamptz default null,
    max_attempts integer default null,
    retry jsonb default null,
    on_dependency_failure text default 'hold',
    metadata jsonb default '{}',
    submitted_by text default null
)
returns submitted
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $submit$
declare
    v_now       constant timestamptz := _now_after_xid();
    v_id        constant uuid := coalesce(job_id, _uuid_v7(v_now));
    v_awaited   boolean;
    v_request   _request;
    v_first     uuid;
begin
    -- Nearly always: a job that has what every job has and no more, written here, in one statement. Whether its need is one was looked at when
    -- its lane was opened, or will be now.
    if (
        _is_plain_request(payload, octet_length(payload::text), priority, on_dependency_failure, metadata)
        and wait_for = '{}' and next_need is not null
        and num_nulls(job_id, singleton_key, idempotency_key, available_at, expires_at, max_attempts, retry, submitted_by) = 8
        -- an old snapshot does not see who waits (_open_lanes_and_wake)
        and not _snapshot_is_fixed()
    ) then
        insert into ready (
            job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by, on_dependency_failure, payload
        ) values (
            v_id, nextval('number_seq'), v_now, v_now, submit.priority, 'ready', submit.next_need, _acting_role(), 'hold', submit.payload
        )
        returning (
            select exists (select from waiter as w where w.stem = any (l.stems) and w.until > v_now)
            from lane as l
            where l.next_need = submit.next_need and l.priority = submit.priority
            limit 1
        ) into v_awaited;
        if v_awaited is not false then
            perform _open_lanes_and_wake(array[next_need], array[priority::smallint], array[true], array[false], v_now);
        end if;
        return (v_id, true, 'ready', v_now)::submitted;
    end if;

    v_request := _fill_defaults((
        next_need, payload, job_id, wait_for, singleton_key, idempotency_key, priority, available_at, expires_at, max_attempts, retry,
        on_dependency_failure, metadata, submitted_by
    )::_request);
    perform _check_submit(v_request);
    if idempotency_key is not null then
        v_first := _reserve_key(idempotency_key, v_id, _request_hash(next_need, v_request.payload, job_id));
        if v_first is not null then
            return _answer_known_job(v_first);
        end if;
    end if;
    if job_id is not null then
        perform _reserve_id(job_id);
    end if;
    return _store_job(v_request, v_id, v_now);
end
$submit$;

comment on function submit(
    text, jsonb, uuid, uuid[], text, text, integer, timestamptz, timestamptz, integer, jsonb, text, jsonb, text
) is
    'Records one job, in the caller''s transaction. next_need: a dotted name of at most 200 bytes; payload, metadata: JSON objects; priority: 0 to 999, '
    'lower first; available_at: not before; expires_at: start by (infinity: none); max_attempts: executions; on_dependency_failure: hold, cascade or '
    'release. Null, anywhere but in next_need, means the default. No job_id: one is made (uuid v7). A known idempotency_key returns the first job, '
    'created = false. Returns job_id, created, state, available_at. Locks: waits only for a transaction that submits the same job_id or '
    'idempotency_key. Raises LH004 (unknown job in wait_for, or itself), LH005 (job_id used before), LH006 (key used for something else), LH010, LH011.';
