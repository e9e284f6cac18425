create or replace function _is_idle(mark mark, now timestamptz)
returns boolean
language plpgsql
volatile
as $_is_idle$
begin
    return mark.noted_at > '-infinity'
        and mark.fence + 100 > (select s.last_value from fence_seq as s)
        and (select t.at from tick as t order by t.tick_id desc limit 1) between _is_idle.now - interval '6 s' and _is_idle.now
        and (select s.current_value::interval from setting as s where s.name = 'max_lease') = mark.max_lease
        and (select s.current_value::integer from setting as s where s.name = 'max_attempts') = mark.max_attempts;
end
$_is_idle$;

comment on function _is_idle(mark, timestamptz) is
    'Whether marks may be older than those of a busy need: hardly anything was claimed since, so there is little to pass by, and upkeep was done not long ago.';
