create or replace function _set_aside(step text, subject text, error_code text, error text, now timestamptz)
returns timestamptz
language plpgsql
volatile
as $_set_aside$
declare
    v_tries     integer;
    v_retry_at  timestamptz;
begin
    select max(e.tries) into v_tries
    from maintenance_error as e
    where e.subject = _set_aside.subject and e.step = _set_aside.step;
    perform _clear_maintenance_error(step, array[subject]);
    v_tries := coalesce(v_tries, 0) + 1;
    -- 1 s, 2 s, 4 s, and so on up to an hour
    v_retry_at := now + least(interval '1 s' * 2 ^ least(v_tries - 1, 12), interval '1 hour');
    insert into maintenance_error (step, subject, tries, failed_at, retry_at, error_code, error)
    values (
        _set_aside.step, _set_aside.subject, v_tries, _set_aside.now, v_retry_at, _set_aside.error_code,
        _clean_error(_set_aside.error)
    );
    return v_retry_at;
end
$_set_aside$;

comment on function _set_aside(text, text, text, text, timestamptz) is
    'Records that a step of maintenance failed for one row, and returns when it is to be tried again: after a second, '
    'and later each time, at most an hour. subject: the job id, or what else identifies the row.';
