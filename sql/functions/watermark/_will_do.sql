create or replace function _will_do(mark mark, now timestamptz)
returns boolean
language plpgsql
volatile
as $_will_do$
begin
    if mark.noted_at between now - interval '1 s' and now then
        -- one moves them; until that has committed the others go by the old ones
        return not pg_try_advisory_xact_lock(_engine_lock('mark', mark.next_need));
    end if;
    return mark.noted_at > '-infinity'
        and _is_close(mark)
        and (select t.at from tick as t order by t.tick_id desc limit 1) between _will_do.now - interval '6 s' and _will_do.now
        and (select _duration(s.current_value::interval) from setting as s where s.name = 'max_lease') = mark.max_lease
        and (select s.current_value::integer from setting as s where s.name = 'max_attempts') = mark.max_attempts;
end
$_will_do$;

comment on function _will_do(mark, timestamptz) is
    'Whether marks that are no longer fresh will do: those of a busy need while somebody else moves them, whose lock this tries for and keeps where it is '
    'free; those of an idle one as long as hardly anything was claimed since, so that there is little to pass by, and upkeep was done not long ago.';
