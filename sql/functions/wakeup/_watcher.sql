create or replace function _watcher(channel text, now timestamptz)
returns integer
language plpgsql
stable
as $_watcher$
begin
    return (
        select s.pid
        from (
            select a.pid from alarm as a where a.channel = _watcher.channel and a.due_at > _watcher.now and a.watches
            union all
            -- the session that registered the channel watches without an alarm of its own
            select w.pid
            from waiter as w
            where w.channel = _watcher.channel and w.until > _watcher.now
                and not exists (
                    select from alarm as a where a.channel = w.channel and a.due_at > _watcher.now and a.pid = w.pid
                )
        ) as s
        where exists (select from pg_stat_get_activity(s.pid))
        limit 1
    );
end
$_watcher$;

comment on function _watcher(text, timestamptz) is
    'Server process of a session that waits on this channel, has no scheduled job to wake for, and is to be notified '
    'when a job is scheduled. Null: none.';
