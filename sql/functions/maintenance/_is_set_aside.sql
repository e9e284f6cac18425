create or replace function _is_set_aside(step text, subject text, now timestamptz)
returns boolean
language plpgsql
stable
as $_is_set_aside$
begin
    return exists (
        select from maintenance_error as e
        where e.subject = _is_set_aside.subject and e.step = _is_set_aside.step and e.retry_at > _is_set_aside.now
    );
end
$_is_set_aside$;

comment on function _is_set_aside(text, text, timestamptz) is
    'Whether this step of maintenance has failed for this row and is not to be tried again yet.';
