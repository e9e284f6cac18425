create or replace function _runs_out_at(lease_expires_at timestamptz, leased_at timestamptz, extended_at timestamptz)
returns timestamptz
language sql
stable
as $_runs_out_at$
    -- nobody could extend while the server was down: no lease runs out before the server has been up for as long as the lease
    select greatest(lease_expires_at, pg_postmaster_start_time() + (lease_expires_at - coalesce(extended_at, leased_at)))
$_runs_out_at$;

comment on function _runs_out_at(timestamptz, timestamptz, timestamptz) is 'From when on a lease may be taken away: the one place that says so.';
