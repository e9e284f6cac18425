create or replace function _run_maintenance_from_horizon(limit_jobs integer, now timestamptz)
returns void
language plpgsql
volatile
as $_run_maintenance_from_horizon$
declare
    v_horizon constant maintenance_horizon := _last_horizon();
begin
    perform _run_maintenance(limit_jobs, now, v_horizon.leases_from, v_horizon.schedules_from);
end
$_run_maintenance_from_horizon$;

comment on function _run_maintenance_from_horizon(integer, timestamptz) is
    'The maintenance of a claim that found too few jobs: _run_maintenance, which looks no further back than the '
    'maintenance horizon.';
