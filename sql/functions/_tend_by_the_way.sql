create or replace function _tend_by_the_way(now timestamptz)
returns boolean
language plpgsql
volatile
as $_tend_by_the_way$
declare
    v_id    bigint;
    v_age   interval;
begin
    select t.tick_id, now - t.at into v_id, v_age from tick as t order by t.tick_id desc limit 1;
    -- one at a time; but one who tends inside a long transaction must not keep the others from it
    -- an age far below nothing is a clock that was set back
    if v_age between interval '-1 minute' and interval '100 ms'
        or not pg_try_advisory_xact_lock(_key_lock('')) and coalesce(v_age, interval '0') < interval '1 s' then
        return false;
    end if;
    perform _tend(1000, now);
    insert into tick (at) values (_tend_by_the_way.now);
    if v_id % 64 = 0 then
        perform _forget_waiters(now);
        delete from tick as t
        where t.tick_id in (select o.tick_id from tick as o where o.tick_id < v_id for update skip locked);
    end if;
    return true;
end
$_tend_by_the_way$;

comment on function _tend_by_the_way(timestamptz) is
    'Upkeep ten times a second per schema, by whichever get_work comes then, one at a time, whether it is hungry or not. True where it was done.';
