create or replace function _check_reschedule(
    next_need text, payload jsonb, wait_for uuid[], available_at timestamptz, priority integer, expires_at timestamptz,
    max_attempts integer, retry jsonb, on_dependency_failure text
)
returns void
language plpgsql
stable
as $_check_reschedule$
begin
    if next_need is not null then
        perform _check_need('next_need', next_need);
    end if;
    perform _check_object('payload', payload);
    perform _check_size('payload', payload, 'max_payload_bytes');
    perform _check_count('priority', priority, 0, 999);
    perform _check_count('max_attempts', max_attempts, 1, 10000);
    perform _check_policy('on_dependency_failure', on_dependency_failure);
    perform _check_wait_for('wait_for', wait_for);
    perform _check_time('available_at', available_at);
    perform _check_expires_at('expires_at', nullif(expires_at, 'infinity'), _now());
    perform _check_retry('retry', retry);
end
$_check_reschedule$;

comment on function _check_reschedule(text, jsonb, uuid[], timestamptz, integer, timestamptz, integer, jsonb, text) is
    'Checks the arguments that reschedule and reschedule_unheld share, and raises LH010 or LH011. A null means '
    'unchanged and is accepted.';
