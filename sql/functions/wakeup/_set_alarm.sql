create or replace function _set_alarm(channel text, capabilities text[], until timestamptz, now timestamptz)
returns interval
language plpgsql
volatile
as $_set_alarm$
declare
    v_others    integer;
    v_mine      boolean;
    v_given     timestamptz;
    v_due       timestamptz;
begin
    select
        count(*) filter (where a.pid <> pg_backend_pid() and not a.watches),
        bool_or(a.pid = pg_backend_pid()),
        min(a.due_at) filter (where a.pid = pg_backend_pid() and not a.watches)
    into v_others, v_mine, v_given
    from alarm as a
    where a.channel = _set_alarm.channel and a.due_at > _set_alarm.now;
    -- each of the other sessions that have an alarm takes one job
    v_due := _next_scheduled_at(capabilities, now, v_others);
    if v_due = v_given or coalesce(v_due, v_given) is null and _watcher(channel, now) is not null then
        return v_due - now;
    end if;
    if v_mine then
        delete from alarm as a
        where a.alarm_id = any (
            array(
                select o.alarm_id
                from alarm as o
                where o.channel = _set_alarm.channel and o.due_at > _set_alarm.now and o.pid = pg_backend_pid()
                for update skip locked
            )
        );
    end if;
    if v_due is not null or _watcher(channel, now) is null then
        insert into alarm (channel, due_at, watches, pid)
        values (_set_alarm.channel, coalesce(v_due, until), v_due is null, pg_backend_pid());
    end if;
    return v_due - now;
end
$_set_alarm$;

comment on function _set_alarm(text, text[], timestamptz, timestamptz) is
    'Returns in how long this session is to wake for the next scheduled job of these capabilities. Each session that '
    'waits on the channel is given another job, and the rest of them null. One of the rest watches: it is notified '
    'alone when a job is scheduled meanwhile (_wake_for_scheduled). A notification to the whole channel ends this. '
    'Writes only if something changes. Skips locked rows.';
