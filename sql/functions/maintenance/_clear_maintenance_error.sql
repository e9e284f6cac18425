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
    'A step of maintenance succeeded for these rows, or is recorded anew: what is known of its failures is removed.';
