create or replace function _done_kinds()
returns jsonb
language sql
immutable
as $_done_kinds$
    select jsonb_build_object(
        'complete', i.ids || '{"result": "any"}',
        'fail', i.ids || '{"error": "string", "retryable": "boolean", "retry_after": "string", "error_code": "string"}',
        'release', i.ids || '{"available_at": "time"}',
        'reschedule', i.ids || (_request_kinds() - array['job_id', 'singleton_key', 'idempotency_key', 'metadata', 'submitted_by']),
        'extend', i.ids || '{"lease": "string"}'
    )
    from (select jsonb '{"job_id": "string", "lease_id": "string", "verb": "string"}' as ids) as i
$_done_kinds$;

comment on function _done_kinds() is 'The verbs of a batch, each with the keys its elements may have, and the JSON types of those.';
