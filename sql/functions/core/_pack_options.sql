create or replace function _pack_options(
    max_attempts integer, retry jsonb, idempotency_key text, wait_for uuid[], run_id uuid default null,
    step text default null
)
returns _job_options
language sql
immutable
as $_pack_options$
    select
        case
            when num_nonnulls(max_attempts, retry, idempotency_key, wait_for, run_id, step) > 0
                then (max_attempts, retry, idempotency_key, wait_for, run_id, step)::_job_options
        end
$_pack_options$;

comment on function _pack_options(integer, jsonb, text, uuid[], uuid, text) is
    'Returns the value of the column job.options, which holds the arguments that few jobs have: null if all are null.';
