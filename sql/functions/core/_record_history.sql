create or replace function _record_history(
    job_id uuid, event text, actor text, state text, attempt integer, detail text, now timestamptz,
    error text default null, error_code text default null
)
returns void
language plpgsql
volatile
as $_record_history$
begin
    insert into history (job_id, at, event, actor, state, attempt, detail, error, error_code)
    values (
        _record_history.job_id, _record_history.now, _record_history.event, coalesce(_record_history.actor, 'unknown'),
        _record_history.state, _record_history.attempt, _record_history.detail, _record_history.error,
        _record_history.error_code
    );
end
$_record_history$;

comment on function _record_history(uuid, text, text, text, integer, text, timestamptz, text, text) is
    'Writes one row of history: an event that departs from the usual course of submit, claim and complete. state is '
    'the state after the event. The default of the column login adds the login of the session.';
