create or replace function _last_horizon()
returns maintenance_horizon
language plpgsql
volatile
as $_last_horizon$
declare
    v_horizon maintenance_horizon;
begin
    select t.* into v_horizon from maintenance_horizon as t order by t.horizon_id desc limit 1;
    -- If the clock was set back, jobs are filed again under times that the horizon has passed.
    if v_horizon.at is null or v_horizon.at > _now() then
        v_horizon.leases_from := '-infinity';
        v_horizon.schedules_from := '-infinity';
        v_horizon.seen_at := '-infinity';
        v_horizon.seen_by := '0';
        v_horizon.leased_page := coalesce(v_horizon.leased_page, 0);
        v_horizon.waiting_page := coalesce(v_horizon.waiting_page, 0);
    end if;
    return v_horizon;
end
$_last_horizon$;

comment on function _last_horizon() is
    'The newest maintenance horizon: when a claim last ran maintenance, and the times from which the next run has to '
    'look. If there is none, or it lies in the future, the next run looks at everything.';
