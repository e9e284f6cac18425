create or replace function _now()
returns timestamptz
language sql
volatile
as $_now$
    select clock_timestamp()
$_now$;

comment on function _now() is
    'The only clock of the engine. A call reads it once and hands the time on. now() would not serve: it keeps the '
    'time at which the transaction started.';
