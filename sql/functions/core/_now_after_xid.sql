create or replace function _now_after_xid()
returns timestamptz
language sql
volatile
as $_now_after_xid$
    select case when pg_current_xact_id() is not null then _now() end
$_now_after_xid$;

comment on function _now_after_xid() is
    'Returns the clock, read after this transaction was assigned a transaction id. Calls that let jobs enter the queue '
    'use it, and watermarks and wake-ups rely on it: a job dated before some moment belongs to a transaction that had '
    'its id by then. Once all older transactions have ended, every job dated up to that moment is visible.';
