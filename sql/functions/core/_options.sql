create or replace function _options(
    max_attempts integer, retry jsonb, idempotency_key text, wait_for uuid[], run_id uuid default null, step text default null
)
returns _options
language sql
immutable
as $_options$
    select
        case
            when num_nonnulls(max_attempts, retry, idempotency_key, wait_for, run_id, step) > 0
                then (max_attempts, retry, idempotency_key, wait_for, run_id, step)::_options
        end
$_options$;

comment on function _options(integer, jsonb, text, uuid[], uuid, text) is 'What a job has that few have, for its column options: null where that is nothing.';
