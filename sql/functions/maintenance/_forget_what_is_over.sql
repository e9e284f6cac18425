create or replace function _forget_what_is_over(now timestamptz)
returns void
language plpgsql
volatile
as $_forget_what_is_over$
begin
    delete from maintenance_error as e
    where e.error_id = any (
        array(
            select o.error_id from maintenance_error as o
            where o.retry_at < _forget_what_is_over.now - interval '1 day'
            for update skip locked
        )
    );
    delete from alarm as a
    where a.alarm_id = any (
        array(
            select o.alarm_id from alarm as o where o.due_at < _forget_what_is_over.now - interval '1 minute' for update skip locked
        )
    );
    delete from listener as l
    where l.listener_id = any (
        array(
            select o.listener_id from listener as o
            where o.known_until < _forget_what_is_over.now - interval '1 minute'
            for update skip locked
        )
    );
end
$_forget_what_is_over$;

comment on function _forget_what_is_over(timestamptz) is
    'Removes alarms whose time has passed, channels that nobody has asked for in three days, and failures of maintenance '
    'that were not seen again when it was time: of rows that are gone, or that were mended.';
