create or replace function _insert(
    job_id uuid, next_need text, payload jsonb, priority integer, state text, parked boolean, available_at timestamptz, wait_for uuid[],
    singleton_key text, idempotency_key text, expires_at timestamptz, max_attempts integer, retry jsonb, on_dependency_failure text,
    metadata jsonb, submitted_by text, now timestamptz
)
returns submitted
language plpgsql
volatile
as $_insert$
declare
    v_by        constant text := coalesce(submitted_by, _actor());
    v_options   constant _options := _options(max_attempts, retry, idempotency_key, wait_for);
begin
    if state = 'ready' and singleton_key is null then
        insert into ready (
            job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by, on_dependency_failure, payload, metadata,
            expires_at, options
        ) values (
            _insert.job_id, nextval('number_seq'), _insert.now, _insert.available_at, _insert.priority, 'ready', _insert.next_need, v_by,
            _insert.on_dependency_failure, _insert.payload, _insert.metadata, _insert.expires_at, v_options
        );
    else
        insert into job (
            job_id, number, submitted_at, available_at, priority, parked, state, next_need, submitted_by, on_dependency_failure, payload, metadata,
            expires_at, singleton_key, options
        ) values (
            _insert.job_id, nextval('number_seq'), _insert.now, _insert.available_at, _insert.priority, _insert.parked, _insert.state,
            _insert.next_need, v_by, _insert.on_dependency_failure, _insert.payload, _insert.metadata, _insert.expires_at, _insert.singleton_key,
            v_options
        );
    end if;
    perform _announce(array[next_need], array[priority::smallint], array[state = 'ready'], array[singleton_key is not null], now);
    if state = 'scheduled' then
        perform _ring_due(array[next_need], array[available_at]);
    end if;
    return (job_id, true, state, available_at)::submitted;
end
$_insert$;

comment on function _insert(
    uuid, text, jsonb, integer, text, boolean, timestamptz, uuid[], text, text, timestamptz, integer, jsonb, text, jsonb, text, timestamptz
) is
    'Writes one new job, sees to it that its lane is known, and rings when somebody waits for it. now: '
    '_now_in_order(), for the number drawn here, and the look at who waits, must come after the transaction has an id.';
