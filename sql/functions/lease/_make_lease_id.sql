create or replace function _make_lease_id(job_id uuid, fence bigint)
returns uuid
language sql
volatile
as $_make_lease_id$
    -- fence, version, check; variant, random bits, check. The random bits are of the strong kind: who calls setseed() cannot foretell them.
    select encode(
        int8send((fence << 16) | 32768 | (_lease_check_bits(job_id, fence) >> 16))
        || substring(uuid_send(gen_random_uuid()) from 9 for 6)
        || substring(int8send(_lease_check_bits(job_id, fence)) from 7),
        'hex'
    )::uuid
$_make_lease_id$;

comment on function _make_lease_id(uuid, bigint) is
    'A uuid v8: 48 bits of fence, 28 bits that tie it to the job, 46 random bits. An older lease is told from a foreign one by its '
    'bits alone (_fence_of_lease); nothing has to be remembered.';
