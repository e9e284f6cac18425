create or replace function _lease_end(fence bigint, lease_expires_at timestamptz)
returns timestamptz
language plpgsql
stable
as $_lease_end$
begin
    return coalesce((select h.lease_expires_at from heartbeat as h where h.fence = _lease_end.fence), lease_expires_at);
end
$_lease_end$;

comment on function _lease_end(bigint, timestamptz) is 'When a lease ends that was granted until lease_expires_at: later, where it was extended.';
