create or replace function _now()
returns timestamptz
language sql
volatile
as $_now$
    select clock_timestamp()
$_now$;

comment on function _now() is
    'The one clock: read once per call and handed on. Not now(), which stands still at the start of the transaction.';
