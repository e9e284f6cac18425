create or replace function _check_submit(v_request _request, prefix text default '')
returns void
language plpgsql
stable
as $_check_submit$
begin
    perform _check_need(prefix || 'next_need', v_request.next_need);
    perform _check_object(prefix || 'payload', v_request.payload);
    perform _check_size(prefix || 'payload', v_request.payload, 'max_payload_bytes');
    perform _check_count(prefix || 'priority', v_request.priority, 0, 999);
    perform _check_policy(prefix || 'on_dependency_failure', v_request.on_dependency_failure);
    if v_request.metadata is distinct from '{}' then
        perform _check_object(prefix || 'metadata', v_request.metadata);
        perform _check_size(prefix || 'metadata', v_request.metadata, 'max_payload_bytes');
    end if;
    if v_request.wait_for <> '{}' then
        perform _check_wait_for(prefix || 'wait_for', v_request.wait_for);
    end if;
    -- The checks below pass nulls. The conditions save the calls, for most jobs have none of these arguments.
    if v_request.singleton_key is not null then
        perform _check_text(prefix || 'singleton_key', v_request.singleton_key, 1000);
    end if;
    if v_request.idempotency_key is not null then
        perform _check_text(prefix || 'idempotency_key', v_request.idempotency_key, 1000);
    end if;
    if v_request.available_at is not null then
        perform _check_time(prefix || 'available_at', v_request.available_at);
    end if;
    if v_request.expires_at is not null then
        perform _check_time(prefix || 'expires_at', v_request.expires_at);
    end if;
    if v_request.max_attempts is not null then
        perform _check_count(prefix || 'max_attempts', v_request.max_attempts, 1, 10000);
    end if;
    if v_request.retry is not null then
        perform _check_retry(prefix || 'retry', v_request.retry);
    end if;
    if v_request.submitted_by is not null then
        perform _check_text(prefix || 'submitted_by', v_request.submitted_by, 200);
    end if;
end
$_check_submit$;

comment on function _check_submit(_request, text) is
    'Raises LH010 or LH011 if an argument of submit, or of an element of submit_many, is not valid. Defaults must have '
    'been filled in (_fill_defaults). prefix comes before the name of the argument and names the element of a batch.';
