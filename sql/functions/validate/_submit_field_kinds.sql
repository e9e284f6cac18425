create or replace function _submit_field_kinds()
returns jsonb
language sql
immutable
as $_submit_field_kinds$
    select jsonb '{
        "next_need": "string", "payload": "any", "job_id": "string", "wait_for": "array", "singleton_key": "string",
        "idempotency_key": "string", "priority": "number", "available_at": "time", "expires_at": "time",
        "max_attempts": "number", "retry": "any", "on_dependency_failure": "string", "metadata": "any",
        "submitted_by": "string"
    }'
$_submit_field_kinds$;

comment on function _submit_field_kinds() is
    'Returns the parameters of submit as keys of a JSON object, each with the JSON type it must have, or time.';
