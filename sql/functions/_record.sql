create or replace function _record(job_id uuid, event text, actor text, state text, attempt integer, detail text, now timestamptz)
returns void
language sql
volatile
as $_record$
    insert into history (job_id, at, event, actor, state, attempt, detail)
    values (job_id, now, event, coalesce(actor, 'unknown'), state, attempt, detail)
$_record$;

comment on function _record(uuid, text, text, text, integer, text, timestamptz) is
    'One line of history: what departed from the happy path. state is the state after it.';
