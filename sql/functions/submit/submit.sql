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
begin
    -- Nearly every job is plain, and is written here, in one statement. Its need was checked when its lane was opened,
    -- or is checked when its lane is opened below. The row expression costs nothing: inlining takes it apart.
    if (
        next_need is not null
        and _is_plain_request((
            next_need, payload, job_id, wait_for, singleton_key, idempotency_key, priority, available_at, expires_at,
            max_attempts, retry, on_dependency_failure, metadata, submitted_by
        )::_request)
        -- a fixed snapshot may not show who waits (_open_lanes_and_wake)
        and not _snapshot_is_fixed()
    ) then
        insert into ready (
            job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by,
            on_dependency_failure, payload
        ) values (
            v_id, nextval('number_seq'), v_now, v_now, submit.priority, 'ready', submit.next_need, _acting_role(),
            'hold', submit.payload
        )
        returning (
            select exists (select from waiter as w where w.stem = any (l.stems) and w.until > v_now)
            from lane as l
            where l.next_need = submit.next_need and l.priority = submit.priority
            limit 1
        ) into v_awaited;
        if v_awaited is not false then
            perform _open_lanes_and_wake(
                array[next_need], array[priority::smallint], array[true], array[false], v_now
            );
        end if;
        return (v_id, true, 'ready', v_now)::submitted;
    end if;

    return _submit_request(_fill_defaults((
        next_need, payload, job_id, wait_for, singleton_key, idempotency_key, priority, available_at, expires_at,
        max_attempts, retry, on_dependency_failure, metadata, submitted_by
    )::_request), v_id, v_now);
end
$submit$;

comment on function submit(
    text, jsonb, uuid, uuid[], text, text, integer, timestamptz, timestamptz, integer, jsonb, text, jsonb, text
) is
    'Records one job in the transaction of the caller. next_need: a dotted name of at most 200 bytes. payload, '
    'metadata: JSON objects. priority: 0 to 999, lower first. available_at: the job does not start before. expires_at: '
    'the job does not start after (infinity: no limit). max_attempts: the number of executions. on_dependency_failure: '
    'hold, cascade or release. Null means the default, except in next_need. If job_id is omitted, one is made (uuid '
    'v7). If the idempotency_key is known, the first job is returned, with created = false. Returns job_id, created, '
    'state, available_at. Locks: waits only for a transaction that submits the same job_id or idempotency_key. Raises '
    'LH004 (wait_for names an unknown job, or the job itself), LH005 (job_id was used before), LH006 (key was used for '
    'a different request), LH010, LH011.';
