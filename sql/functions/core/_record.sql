create or replace function _record(
    job_id uuid, event text, actor text, state text, attempt integer, detail text, now timestamptz, error text default null,
    error_code text default null
)
returns void
language plpgsql
volatile
as $_record$
begin
    insert into history (job_id, at, event, actor, state, attempt, detail, error, error_code)
    values (
        _record.job_id, _record.now, _record.event, coalesce(_record.actor, 'unknown'), _record.state, _record.attempt, _record.detail,
        _record.error, _record.error_code
    );
end
$_record$;

comment on function _record(uuid, text, text, text, integer, text, timestamptz, text, text) is
    'One line of history: what departed from the happy path. state is the state after it. The login is added by its column.';
