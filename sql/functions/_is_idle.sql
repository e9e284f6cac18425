create or replace function _is_idle(mark mark, now timestamptz)
returns boolean
language plpgsql
volatile
as $_is_idle$
begin
    return mark.noted_at > '-infinity'
        and mark.fence + 100 > (select s.last_value from fence_seq as s)
        and (select t.at from tick as t order by t.tick_id desc limit 1) between _is_idle.now - interval '6 s' and _is_idle.now
        and mark.max_lease = _setting_value('max_lease')::interval and mark.max_attempts = _setting_value('max_attempts')::integer;
end
$_is_idle$;

comment on function _is_idle(mark, timestamptz) is
    'Whether marks may be older than those of a busy need: hardly anything was claimed since, so there is little to pass by, and upkeep was done not long ago.';
