create or replace function _check_failure(retryable boolean, retry_after interval)
returns void
language plpgsql
stable
as $_check_failure$
begin
    if retryable is null then
        perform _invalid('retryable', 'must not be null');
    end if;
    perform _check_delay('retry_after', retry_after);
end
$_check_failure$;

comment on function _check_failure(boolean, interval) is 'Refuses arguments that fail and fail_unheld share (LH010).';
