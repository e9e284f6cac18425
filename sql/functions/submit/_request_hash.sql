create or replace function _request_hash(next_need text, payload jsonb, job_id uuid)
returns bytea
language sql
immutable
as $_request_hash$
    -- The hash is a cryptographic one, of text. jsonb_hash_extended depends on the hardware, to which idempotency may
    -- be restored. Payloads with the same weak hash are also easily made, and the second one would be taken for a
    -- repetition of the first, and be lost.
    select sha256(convert_to(_canonical_json_text(jsonb_build_array(next_need, payload, job_id)), 'UTF8'))
$_request_hash$;

comment on function _request_hash(text, jsonb, uuid) is
    'Returns a hash by which a repeated request is told from a different one with the same idempotency key. Payloads '
    'that are equal as jsonb have the same hash.';
