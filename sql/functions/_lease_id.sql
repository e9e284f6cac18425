create or replace function _lease_id(job_id uuid, fence bigint)
returns uuid
language sql
volatile
as $_lease_id$
    -- fence, version, check, variant and chance, check. The chance is random()'s: a lease_id proves a lease, rights are what GRANT says.
    select (
        lpad(to_hex(fence), 12, '0')
        || '8' || left(_lease_check(job_id, fence), 3)
        || to_hex(32768 + floor(random() * 16384)::integer)
        || lpad(to_hex(floor(random() * 4294967296)::bigint), 8, '0')
        || right(_lease_check(job_id, fence), 4)
    )::uuid
$_lease_id$;

comment on function _lease_id(uuid, bigint) is
    'A uuid v8: 48 bits of fence, 28 bits that tie it to the job, 46 random bits. An older lease is told from a foreign one by its '
    'bits alone (_lease_fence); nothing has to be remembered.';
