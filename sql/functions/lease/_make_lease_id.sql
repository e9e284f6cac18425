create or replace function _make_lease_id(job_id uuid, fence bigint)
returns uuid
language sql
volatile
as $_make_lease_id$
    -- The parts are: fence, version, check bits; variant, random bits, check bits. The random bits are
    -- cryptographically strong: a caller of setseed() cannot predict them.
    select encode(
        int8send((fence << 16) | 32768 | (_lease_check_bits(job_id, fence) >> 16))
        || substring(uuid_send(gen_random_uuid()) from 9 for 6)
        || substring(int8send(_lease_check_bits(job_id, fence)) from 7),
        'hex'
    )::uuid
$_make_lease_id$;

comment on function _make_lease_id(uuid, bigint) is
    'A uuid version 8: 48 bits of the fence, 28 bits that tie it to the job, and 46 random bits. The bits alone tell '
    'an earlier lease of the job from a foreign one (_fence_of_lease), so nothing has to be stored for that.';
