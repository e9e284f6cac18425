create or replace function _now_after_xid()
returns timestamptz
language sql
volatile
as $_now_after_xid$
    select case when pg_current_xact_id() is not null then _now() end
$_now_after_xid$;

comment on function _now_after_xid() is
    'The clock, read after this transaction has an id, for calls that let jobs enter the queue. The marks rely on it, and the doorbell: what an older '
    'transaction writes has an earlier id, so that once all of those are over, what can be seen up to then is all there will ever be.';
