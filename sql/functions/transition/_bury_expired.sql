create or replace function _bury_expired(v_job job, now timestamptz)
returns void
language sql
volatile
as $_bury_expired$
    select _bury(v_job, 'expired', null, null, null, 'leasehold', now)
$_bury_expired$;

comment on function _bury_expired(job, timestamptz) is
    'Buries a job that did not start before its expires_at. The caller holds its lock and sees to its dependents.';
