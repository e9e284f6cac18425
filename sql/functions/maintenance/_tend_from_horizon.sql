create or replace function _tend_from_horizon(limit_jobs integer, now timestamptz)
returns void
language plpgsql
volatile
as $_tend_from_horizon$
declare
    v_tick constant tick := _last_tick();
begin
    perform _tend(limit_jobs, now, v_tick.leases_from, v_tick.schedules_from);
end
$_tend_from_horizon$;

comment on function _tend_from_horizon(integer, timestamptz) is
    'The upkeep of a claim that went hungry: _tend, which looks no lower than upkeep by the way does.';
