create or replace function _up_since(now timestamptz)
returns timestamptz
language plpgsql
volatile
as $_up_since$
begin
    return greatest(pg_postmaster_start_time(), coalesce((select min(u.since) from uptime as u), _up_since.now));
end
$_up_since$;

comment on function _up_since(timestamptz) is
    'Since when the server has been up without a crash or a promotion in between: no later than that, workers can '
    'extend their leases. now: where that is not recorded yet.';
