create or replace function _ring(needs text[])
returns void
language plpgsql
volatile
as $_ring$
begin
    perform pg_notify(w.channel, '')
    from (
        select distinct w.channel
        from unnest(needs) as n (need)
        join waiter as w on w.stem = any (_stems(n.need)) and w.until > _now() and _matches(w.capability, n.need)
    ) as w
    -- a full queue of notifications would fail the commit; a bell is only a hint
    where pg_notification_queue_usage() < 0.5;
end
$_ring$;

comment on function _ring(text[]) is
    'Wakes who waits for any of these needs: once a channel, without a payload. To be called in a statement after the one that took the '
    'transaction''s id.';
