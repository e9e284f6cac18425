create or replace function _last_tick()
returns tick
language plpgsql
volatile
as $_last_tick$
declare
    v_tick tick;
begin
    select t.* into v_tick from tick as t order by t.tick_id desc limit 1;
    -- a clock that was set back: times that are over are filed again
    if v_tick.at is null or v_tick.at > _now() then
        v_tick.leases_from := '-infinity';
        v_tick.schedules_from := '-infinity';
        v_tick.seen_at := '-infinity';
        v_tick.seen_by := '0';
        v_tick.leased_page := coalesce(v_tick.leased_page, 0);
        v_tick.waiting_page := coalesce(v_tick.waiting_page, 0);
    end if;
    return v_tick;
end
$_last_tick$;

comment on function _last_tick() is
    'The newest tick: when upkeep was last done by the way, and from when on it has to look. All from the beginning where there is none.';
