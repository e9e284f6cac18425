create or replace function _ring_due(needs text[], due_at timestamptz[])
returns void
language plpgsql
volatile
as $_ring_due$
declare
    v_now       constant timestamptz := _now();
    v_channel   record;
    v_unwatched text[];
begin
    for v_channel in
        select w.channel, min(n.need) as need, (
            select a.pid
            from alarm as a
            where a.channel = w.channel and a.due_at > v_now and a.watches and exists (select from pg_stat_get_activity(a.pid))
            limit 1
        ) as watcher
        from unnest(needs, due_at) as n (need, due_at)
        -- who looks again before then need not be rung
        join waiter as w on w.stem = any (_stems(n.need)) and w.until > greatest(v_now, n.due_at) and _matches(w.capability, n.need)
        where n.due_at is not null
        group by w.channel
    loop
        if v_channel.watcher is null or _isolated() then
            v_unwatched := v_unwatched || v_channel.need;
        elsif pg_notification_queue_usage() <= 0.5 then
            perform pg_notify(v_channel.channel, v_channel.watcher::text);
        end if;
    end loop;
    if v_unwatched is not null then
        perform _ring(v_unwatched);
    end if;
end
$_ring_due$;

comment on function _ring_due(text[], timestamptz[]) is
    'Tells who waits for these needs that a job of each is scheduled, so that somebody wakes when it is due: the one '
    'session of a channel that watches (alarm), or all where none does. The notification has the process id of the '
    'session that is meant; others sleep on.';
