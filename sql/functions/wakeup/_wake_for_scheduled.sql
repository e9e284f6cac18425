create or replace function _wake_for_scheduled(needs text[], due_at timestamptz[])
returns void
language plpgsql
volatile
as $_wake_for_scheduled$
declare
    v_now       constant timestamptz := _now();
    v_channel   record;
    v_unwatched text[];
begin
    -- as in _wake_waiters
    if current_setting('leasehold.notify', true) = 'off' then
        return;
    elsif _snapshot_is_fixed() then
        perform _wake_waiters(
            array(select n.need from unnest(needs, due_at) as n (need, due_at) where n.due_at is not null)
        );
        return;
    elsif not exists (select from listener) then
        -- The query below costs as much as half a fail. Rows of listener stay for days, so that this look has no dead
        -- entries to pass by; it would in waiter.
        return;
    end if;
    for v_channel in
        select l.channel, min(n.need) as need, _watcher(l.channel, v_now) as watcher
        from unnest(needs, due_at) as n (need, due_at)
        cross join lateral (
            select o.channel, o.prefixes from listener as o where o.stem = any (_stems(n.need)) offset 0
        ) as l
        where n.due_at is not null
            and (
                l.prefixes is null
                or exists (select from unnest(l.prefixes) as p (prefix) where _capability_matches(p.prefix, n.need))
            )
            -- a session that looks for work again before that time need not be notified
            and exists (
                select from waiter as w where w.channel = l.channel and w.until > greatest(v_now, n.due_at) offset 0
            )
        group by l.channel
    loop
        if v_channel.watcher is null then
            v_unwatched := v_unwatched || v_channel.need;
        elsif pg_notification_queue_usage() <= 0.5 then
            perform pg_notify(v_channel.channel, v_channel.watcher::text);
        end if;
    end loop;
    if v_unwatched is not null then
        perform _wake_waiters(v_unwatched);
    end if;
end
$_wake_for_scheduled$;

comment on function _wake_for_scheduled(text[], timestamptz[]) is
    'Notifies workers that wait for these needs that a job of each is scheduled, so that one of them wakes when it is '
    'due: on each channel the one session that watches (_watcher), or all sessions if none does. The notification '
    'carries the process id of the session that is meant; the others sleep on. Does nothing if the setting '
    'leasehold.notify is off.';
