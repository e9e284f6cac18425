create or replace function _request_hash(next_need text, payload jsonb, job_id uuid)
returns bytea
language sql
immutable
as $_request_hash$
    -- Of text, by a cryptographic hash: jsonb_hash_extended has another value on other hardware, where idempotency is restored to, and two
    -- payloads of one value are easily made, of which the second would be taken for a repetition of the first, and lost.
    select sha256(convert_to(_canonical_json_text(jsonb_build_array(next_need, payload, job_id)), 'UTF8'))
$_request_hash$;

comment on function _request_hash(text, jsonb, uuid) is
    'What tells a repeated request from another one under the same idempotency key. The same for payloads that are equal as jsonb.';
