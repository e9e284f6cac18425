create or replace function _server_up_since(now timestamptz)
returns timestamptz
language plpgsql
volatile
as $_server_up_since$
begin
    return greatest(
        pg_postmaster_start_time(), coalesce((select min(u.since) from uptime as u), _server_up_since.now)
    );
end
$_server_up_since$;

comment on function _server_up_since(timestamptz) is
    'Returns since when the server has been up without a crash or a promotion in between. From then on, at the latest, '
    'workers could extend their leases. now: returned while no start is recorded.';
