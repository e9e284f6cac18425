create or replace function _is_upkeep_due(now timestamptz)
returns boolean
language plpgsql
volatile
as $_is_upkeep_due$
declare
    v_id    bigint;
    v_age   interval;
begin
    select t.tick_id, now - t.at into v_id, v_age from tick as t order by t.tick_id desc limit 1;
    -- one at a time; but one who ticks inside a long transaction must not keep the others from it
    if v_age < interval '100 ms'
        or not pg_try_advisory_xact_lock(_key_lock('')) and coalesce(v_age, interval '0') < interval '1 s' then
        return false;
    end if;
    insert into tick (at) values (_is_upkeep_due.now);
    if v_id % 64 = 0 then
        delete from tick as t where t.tick_id < v_id;
    end if;
    return true;
end
$_is_upkeep_due$;

comment on function _is_upkeep_due(timestamptz) is 'Whether a get_work that found what it wanted should do some upkeep all the same: ten times a second, one caller at a time.';
