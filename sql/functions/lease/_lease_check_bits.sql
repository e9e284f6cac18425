create or replace function _lease_check_bits(job_id uuid, fence bigint)
returns bigint
language sql
immutable
as $_lease_check_bits$
    select uuid_hash_extended(job_id, fence) & 268435455
$_lease_check_bits$;

comment on function _lease_check_bits(uuid, bigint) is '28 bits that tie a fence to its job.';
