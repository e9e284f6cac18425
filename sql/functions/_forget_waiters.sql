create or replace function _forget_waiters(now timestamptz)
returns void
language plpgsql
volatile
as $_forget_waiters$
begin
    delete from waiter as w
    where w.ctid = any (
        array(select o.ctid from waiter as o where o.until < _forget_waiters.now - interval '1 minute' for update skip locked)
    );
end
$_forget_waiters$;

comment on function _forget_waiters(timestamptz) is 'Removes who no longer waits for the doorbell.';
