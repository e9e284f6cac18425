create or replace function _settle_element(element jsonb, index bigint)
returns settled
language plpgsql
volatile
as $_settle_element$
declare
    v_job_id    constant uuid := (element ->> 'job_id')::uuid;
    v_lease_id  constant uuid := (element ->> 'lease_id')::uuid;
    v_verb      constant text := element ->> 'verb';
    v_outcome   outcome;
    v_end       timestamptz;
    v_request   _request;
begin
    perform _check_keys('done', jsonb_build_array(element), _settle_field_kinds(), index);
    if v_verb in ('release', 'reschedule') then
        begin
            v_request := jsonb_populate_record(null::_request, element);
        exception
            when data_exception then
                perform _raise_invalid_argument(format('done[%s]', index), 'cannot be read: ' || left(sqlerrm, 200));
        end;
    end if;

    if v_verb = 'complete' then
        perform complete(v_job_id, v_lease_id, element -> 'result');
        v_outcome.state := 'succeeded';
    elsif v_verb = 'extend' then
        v_end := extend(v_job_id, v_lease_id, _read_interval('lease', element ->> 'lease'));
        v_outcome.state := 'leased';
    elsif v_verb = 'fail' then
        v_outcome := fail(
            v_job_id, v_lease_id, element ->> 'error', (element ->> 'retryable')::boolean,
            _read_interval('retry_after', element ->> 'retry_after'), element ->> 'error_code'
        );
    elsif v_verb = 'release' then
        v_outcome := release(v_job_id, v_lease_id, v_request.available_at);
    else
        v_outcome := reschedule(
            v_job_id, v_lease_id, v_request.next_need, v_request.payload, v_request.wait_for, v_request.available_at,
            v_request.priority, v_request.expires_at, v_request.max_attempts, v_request.retry,
            v_request.on_dependency_failure
        );
    end if;
    return (
        v_job_id, v_lease_id, v_verb, true, v_outcome.state, v_outcome.available_at, v_outcome.attempt, v_end,
        null, null, null, null
    )::settled;
end
$_settle_element$;

comment on function _settle_element(jsonb, bigint) is
    'Settles one element of a batch, the one at position index. Raises what its verb raises.';
