create or replace function _wake_waiters(needs text[])
returns void
language plpgsql
volatile
as $_wake_waiters$
declare
    v_now       constant timestamptz := _now();
    v_isolated  constant boolean := _snapshot_is_fixed();
    v_channels  text[];
begin
    -- PREPARE TRANSACTION refuses a transaction that has notified
    if current_setting('leasehold.notify', true) = 'off' then
        return;
    end if;
    -- Above READ COMMITTED a registration may be younger than what this transaction sees; the channel is not, where it is armed (_channel_known_to_all).
    select array_agg(distinct l.channel) into v_channels
    from unnest(needs) as n (need)
    cross join lateral (
        select o.channel, o.prefixes from listener as o where o.stem = any (_stems(n.need)) offset 0
    ) as l
    where (l.prefixes is null or exists (select from unnest(l.prefixes) as p (prefix) where _capability_matches(p.prefix, n.need)))
        and (v_isolated or exists (select from waiter as w where w.channel = l.channel and w.until > v_now offset 0));
    -- a full queue of notifications would fail the commit; a bell is only a hint
    if v_channels is null or pg_notification_queue_usage() > 0.5 then
        return;
    end if;
    -- Who was rung is awake, and registers again before he sleeps: until then nobody needs to ring him, and a fleet that cannot keep up is not rung at
    -- all. Should this transaction roll back, the registration is there still; while it is open, others ring as well.
    -- An old snapshot would raise 40001 for rows that others have removed since.
    if not v_isolated then
        with told as (
            delete from alarm as a
            where a.alarm_id = any (array(select o.alarm_id from alarm as o where o.channel = any (v_channels) for update skip locked))
        )
        delete from waiter as w
        where w.ctid = any (
            array(select o.ctid from waiter as o where o.channel = any (v_channels) and o.until > v_now for update skip locked)
        );
    end if;
    perform pg_notify(c.channel, '') from unnest(v_channels) as c (channel);
end
$_wake_waiters$;

comment on function _wake_waiters(text[]) is
    'Wakes who waits for any of these needs, once: whoever wants to be rung again registers again. One notification a channel, without a payload; none where '
    'the setting leasehold.notify is off. Above READ COMMITTED it rings whoever may wait. To be called in a statement after the one that took the '
    'transaction''s id.';
