create or replace function _request_hash(next_need text, payload jsonb, job_id uuid)
returns bytea
language sql
immutable
as $_request_hash$
    select sha256(convert_to(jsonb_build_array(next_need, payload, job_id)::text, 'UTF8'))
$_request_hash$;

comment on function _request_hash(text, jsonb, uuid) is 'What tells a repeated request from another one under the same idempotency key.';
