create or replace function _lease_id(job_id uuid, fence bigint)
returns uuid
language sql
volatile
as $_lease_id$
    -- fence, version, check; variant, chance, check. The chance is random()'s: a lease_id proves a lease, rights are what GRANT says.
    select (
        lpad(to_hex((fence << 16) | 32768 | (_lease_check(job_id, fence) >> 16)), 16, '0')
        || to_hex(-9223372036854775808 | ((random() * 70368744177663)::bigint << 16) | (_lease_check(job_id, fence) & 65535))
    )::uuid
$_lease_id$;

comment on function _lease_id(uuid, bigint) is
    'A uuid v8: 48 bits of fence, 28 bits that tie it to the job, 46 random bits. An older lease is told from a foreign one by its '
    'bits alone (_lease_fence); nothing has to be remembered.';
