create or replace function _insert_job(
    job_id uuid, next_need text, payload jsonb, priority integer, state text, parked boolean, available_at timestamptz, wait_for uuid[],
    singleton_key text, idempotency_key text, expires_at timestamptz, max_attempts integer, retry jsonb, on_dependency_failure text,
    metadata jsonb, submitted_by text, now timestamptz
)
returns submitted
language plpgsql
volatile
as $_insert_job$
declare
    v_by        constant text := coalesce(submitted_by, _acting_role());
    v_options   constant _job_options := _pack_options(max_attempts, retry, idempotency_key, wait_for);
begin
    if state = 'ready' and singleton_key is null then
        insert into ready (
            job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by, on_dependency_failure, payload, metadata,
            expires_at, options
        ) values (
            _insert_job.job_id, nextval('number_seq'), _insert_job.now, _insert_job.available_at, _insert_job.priority, 'ready', _insert_job.next_need, v_by,
            _insert_job.on_dependency_failure, _insert_job.payload, _insert_job.metadata, _insert_job.expires_at, v_options
        );
    else
        insert into job (
            job_id, number, submitted_at, available_at, priority, parked, state, next_need, submitted_by, on_dependency_failure, payload, metadata,
            expires_at, singleton_key, options
        ) values (
            _insert_job.job_id, nextval('number_seq'), _insert_job.now, _insert_job.available_at, _insert_job.priority, _insert_job.parked, _insert_job.state,
            _insert_job.next_need, v_by, _insert_job.on_dependency_failure, _insert_job.payload, _insert_job.metadata, _insert_job.expires_at, _insert_job.singleton_key,
            v_options
        );
    end if;
    perform _open_lanes_and_wake(array[next_need], array[priority::smallint], array[state = 'ready'], array[singleton_key is not null], now);
    if state = 'scheduled' then
        perform _wake_for_scheduled(array[next_need], array[available_at]);
    end if;
    return (job_id, true, state, available_at)::submitted;
end
$_insert_job$;

comment on function _insert_job(
    uuid, text, jsonb, integer, text, boolean, timestamptz, uuid[], text, text, timestamptz, integer, jsonb, text, jsonb, text, timestamptz
) is
    'Writes one new job, sees to it that its lane is known, and rings when somebody waits for it. now: '
    '_now_after_xid(), for the number drawn here, and the look at who waits, must come after the transaction has an id.';
