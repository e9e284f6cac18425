create or replace function _wake_waiters(needs text[])
returns void
language plpgsql
volatile
as $_wake_waiters$
declare
    v_now       constant timestamptz := _now();
    v_fixed     constant boolean := _snapshot_is_fixed();
    v_channels  text[];
begin
    -- PREPARE TRANSACTION refuses a transaction that has notified
    if current_setting('leasehold.notify', true) = 'off' then
        return;
    end if;
    -- With a fixed snapshot this transaction may not see a registration. It sees the channel, if the registration is
    -- reliable (_channel_known_to_all).
    select array_agg(distinct l.channel) into v_channels
    from unnest(needs) as n (need)
    cross join lateral (
        select o.channel, o.prefixes from listener as o where o.stem = any (_stems(n.need)) offset 0
    ) as l
    where (
            l.prefixes is null
            or exists (select from unnest(l.prefixes) as p (prefix) where _capability_matches(p.prefix, n.need))
        )
        and (v_fixed or exists (select from waiter as w where w.channel = l.channel and w.until > v_now offset 0));
    -- a full queue of notifications would make the commit fail, and a notification is only a hint
    if v_channels is null or pg_notification_queue_usage() > 0.5 then
        return;
    end if;
    -- A session that was notified is awake and registers again before it sleeps. Until then no transaction needs to
    -- notify it, and a fleet that cannot keep up is not notified at all. If this transaction rolls back, the
    -- registration remains; while it is open, others notify as well. With a fixed snapshot nothing is removed: rows
    -- that others have removed since would raise 40001.
    if not v_fixed then
        with given as (
            delete from alarm as a
            where a.alarm_id = any (
                array(select o.alarm_id from alarm as o where o.channel = any (v_channels) for update skip locked)
            )
        )
        delete from waiter as w
        where w.ctid = any (
            array(
                select o.ctid from waiter as o
                where o.channel = any (v_channels) and o.until > v_now
                for update skip locked
            )
        );
    end if;
    perform pg_notify(c.channel, '') from unnest(v_channels) as c (channel);
end
$_wake_waiters$;

comment on function _wake_waiters(text[]) is
    'Wakes the workers that wait for any of these needs, once: a worker that wants to be notified again registers '
    'again. Sends one notification to each channel, without a payload; none if the setting leasehold.notify is off. '
    'With a fixed snapshot it notifies every channel that may have waiting workers. Call it in a statement after the '
    'one that took the id of the transaction. Skips locked rows.';
