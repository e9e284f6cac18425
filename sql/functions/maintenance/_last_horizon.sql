create or replace function _last_horizon()
returns maintenance_horizon
language plpgsql
volatile
as $_last_horizon$
declare
    v_horizon maintenance_horizon;
begin
    select t.* into v_horizon from maintenance_horizon as t order by t.horizon_id desc limit 1;
    -- a clock that was set back: times that are over are filed again
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
    'The newest tick: when upkeep was last done by the way, and from when on it has to look. All from the beginning where there is none.';
