create or replace function _forget_waiters(now timestamptz)
returns void
language plpgsql
volatile
as $_forget_waiters$
declare
    v_places text[];
begin
    select array_agg(d.place::text) into v_places
    from (
        select o.ctid as place
        from waiter as o
        where o.until < _forget_waiters.now - interval '1 minute' and not _is_set_aside('waiters', o.ctid::text, _forget_waiters.now)
        limit 10000
        for update skip locked
    ) as d;
    perform _maintain('waiters', v_places, now);
end
$_forget_waiters$;

comment on function _forget_waiters(timestamptz) is 'Removes who no longer waits for the doorbell.';
