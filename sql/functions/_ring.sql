create or replace function _ring(needs text[])
returns void
language plpgsql
volatile
as $_ring$
declare
    v_now       constant timestamptz := _now();
    v_channels  text[];
begin
    select array_agg(distinct w.channel) into v_channels
    from unnest(needs) as n (need)
    join waiter as w on w.stem = any (_stems(n.need)) and w.until > v_now and _matches(w.capability, n.need);
    -- a full queue of notifications would fail the commit; a bell is only a hint
    if v_channels is null or pg_notification_queue_usage() > 0.5 then
        return;
    end if;
    -- Who was rung is awake, and registers again before he sleeps: until then nobody needs to ring him, and a fleet that cannot keep up is not rung at
    -- all. Should this transaction roll back, the registration is there still; while it is open, others ring as well.
    if not _isolated() then
        delete from waiter as w
        where w.ctid = any (
            array(select o.ctid from waiter as o where o.channel = any (v_channels) and o.until > v_now for update skip locked)
        );
    end if;
    delete from alarm as a
    where a.alarm_id = any (array(select o.alarm_id from alarm as o where o.channel = any (v_channels) for update skip locked));
    perform pg_notify(c.channel, '') from unnest(v_channels) as c (channel);
end
$_ring$;

comment on function _ring(text[]) is
    'Wakes who waits for any of these needs, once: whoever wants to be rung again registers again. One notification a channel, without a payload. To be '
    'called in a statement after the one that took the transaction''s id.';
