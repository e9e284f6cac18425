create or replace function _clear_maintenance_error(step text, subjects text[])
returns void
language plpgsql
volatile
as $_clear_maintenance_error$
begin
    delete from maintenance_error as e
    where e.error_id = any (
        array(
            select o.error_id from maintenance_error as o
            where o.subject = any (subjects) and o.step = _clear_maintenance_error.step
            for update skip locked
        )
    );
end
$_clear_maintenance_error$;

comment on function _clear_maintenance_error(text, text[]) is
    'Removes the recorded failures of a step of maintenance for these rows: the step has succeeded for them, or a new '
    'failure is about to be recorded. Locks the records by skipping what is locked.';
