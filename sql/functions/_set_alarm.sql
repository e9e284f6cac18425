create or replace function _set_alarm(channel text, capabilities text[], until timestamptz, now timestamptz)
returns interval
language plpgsql
volatile
as $_set_alarm$
declare
    v_others    integer;
    v_watched   boolean;
    v_mine      alarm;
    v_due       timestamptz;
begin
    select
        count(*) filter (where not a.watches),
        coalesce(bool_or(a.watches and exists (select from pg_stat_get_activity(a.pid))), false)
    into v_others, v_watched
    from alarm as a
    where a.channel = _set_alarm.channel and a.due_at > _set_alarm.now and a.pid <> pg_backend_pid();
    select a.* into v_mine
    from alarm as a
    where a.channel = _set_alarm.channel and a.due_at > _set_alarm.now and a.pid = pg_backend_pid()
    order by a.due_at
    limit 1;
    -- each of the others that were told takes one job
    v_due := _next_due(capabilities, now, v_others);
    if v_due is null and v_watched and v_mine.alarm_id is null
        or v_due = v_mine.due_at and not v_mine.watches
        or v_due is null and v_mine.watches and v_mine.due_at > now + (until - now) / 2
    then
        return v_due - now;
    end if;
    delete from alarm as a
    where a.alarm_id = any (
        array(
            select o.alarm_id
            from alarm as o
            where o.channel = _set_alarm.channel and o.due_at > _set_alarm.now and o.pid = pg_backend_pid()
            for update skip locked
        )
    );
    if v_due is not null or not v_watched then
        insert into alarm (channel, due_at, watches, pid)
        values (_set_alarm.channel, coalesce(v_due, until), v_due is null, pg_backend_pid());
    end if;
    return v_due - now;
end
$_set_alarm$;

comment on function _set_alarm(text, text[], timestamptz, timestamptz) is
    'In how long this session is to wake for the next scheduled job of these capabilities. Each of those that wait on '
    'the channel is told another job, the others hear null, and one of them watches: it is rung alone when a job is '
    'scheduled meanwhile (_ring_due). A bell, which all of them hear, ends this. Writes only where that changes.';
