create or replace function _lease_check(job_id uuid, fence bigint)
returns text
language sql
immutable
as $_lease_check$
    select lpad(to_hex(uuid_hash_extended(job_id, fence) & 268435455), 7, '0')
$_lease_check$;

comment on function _lease_check(uuid, bigint) is 'Seven hex digits that tie a fence to its job.';
