create or replace function _settle_field_kinds()
returns jsonb
language sql
immutable
as $_settle_field_kinds$
    select jsonb_build_object(
        'complete', i.ids || '{"result": "any"}',
        'fail', i.ids || '{"error": "string", "retryable": "boolean", "retry_after": "string", "error_code": "string"}',
        'release', i.ids || '{"available_at": "time"}',
        'reschedule', i.ids || (
            _submit_field_kinds() - array['job_id', 'singleton_key', 'idempotency_key', 'metadata', 'submitted_by']
        ),
        'extend', i.ids || '{"lease": "string"}'
    )
    from (select jsonb '{"job_id": "string", "lease_id": "string", "verb": "string"}' as ids) as i
$_settle_field_kinds$;

comment on function _settle_field_kinds() is
    'The verbs of a batch, each with the keys that its elements may have and their JSON types.';
