create or replace function _forget_old_errors(now timestamptz)
returns void
language plpgsql
volatile
as $_forget_old_errors$
begin
    delete from maintenance_error as e
    where e.error_id = any (
        array(
            select o.error_id from maintenance_error as o
            where o.retry_at < _forget_old_errors.now - interval '1 day'
            for update skip locked
        )
    );
end
$_forget_old_errors$;

comment on function _forget_old_errors(timestamptz) is
    'Removes failures of maintenance that were not seen again when it was time: of rows that are gone, or that were '
    'mended.';
