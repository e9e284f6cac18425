create or replace function _record(job_id uuid, event text, actor text, state text, attempt integer, detail text, now timestamptz)
returns void
language plpgsql
volatile
as $_record$
begin
    insert into history (job_id, at, event, actor, state, attempt, detail)
    values (
        _record.job_id, _record.now, _record.event, coalesce(_record.actor, 'unknown'), _record.state, _record.attempt, _record.detail
    );
end
$_record$;

comment on function _record(uuid, text, text, text, integer, text, timestamptz) is
    'One line of history: what departed from the happy path. state is the state after it.';
