create or replace function _reclaimable_at(
    fence bigint, leased_at timestamptz, lease_expires_at timestamptz, up_since timestamptz
)
returns timestamptz
language plpgsql
stable
as $_reclaimable_at$
declare
    v_from  timestamptz;
    v_end   timestamptz;
begin
    select h.extended_at, h.lease_expires_at into v_from, v_end
    from heartbeat as h
    where h.fence = _reclaimable_at.fence;
    if not found then
        v_from := leased_at;
        v_end := lease_expires_at;
    end if;
    -- No worker can extend a lease while the server is down. A lease therefore does not run out before the server has
    -- been up for the length of the lease.
    return greatest(v_end, up_since + (v_end - v_from));
end
$_reclaimable_at$;

comment on function _reclaimable_at(bigint, timestamptz, timestamptz, timestamptz) is
    'The earliest time at which a lease may be reclaimed, given its grant and its extensions. No other place decides '
    'this. up_since is the result of _server_up_since().';
