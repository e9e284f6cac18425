create or replace function _expires_at(fence bigint, lease_expires_at timestamptz)
returns timestamptz
language plpgsql
stable
as $_expires_at$
begin
    return coalesce(
        (select h.lease_expires_at from heartbeat as h where h.fence = _expires_at.fence), lease_expires_at
    );
end
$_expires_at$;

comment on function _expires_at(bigint, timestamptz) is
    'The end of a lease that was granted until lease_expires_at. An extension may have moved it to a later time.';
