create or replace function _remove_expired_records(now timestamptz)
returns void
language plpgsql
volatile
as $_remove_expired_records$
begin
    delete from maintenance_error as e
    where e.error_id = any (
        array(
            select o.error_id from maintenance_error as o
            where o.retry_at < _remove_expired_records.now - interval '1 day'
            for update skip locked
        )
    );
    delete from alarm as a
    where a.alarm_id = any (
        array(
            select o.alarm_id from alarm as o
            where o.due_at < _remove_expired_records.now - interval '1 minute'
            for update skip locked
        )
    );
    delete from listener as l
    where l.listener_id = any (
        array(
            select o.listener_id from listener as o
            where o.known_until < _remove_expired_records.now - interval '1 minute'
            for update skip locked
        )
    );
end
$_remove_expired_records$;

comment on function _remove_expired_records(timestamptz) is
    'Removes alarms whose time has passed, channels that no worker has registered for in three days, and failures of '
    'maintenance that did not recur when the step was due again, because the row is gone or was repaired. Skips locked '
    'rows.';
