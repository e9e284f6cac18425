create or replace function _is_plain_request(request _request)
returns boolean
language sql
immutable
as $_is_plain_request$
    select _is_plain_job(request.payload, octet_length(request.payload::text), request.priority)
        and request.on_dependency_failure = 'hold' and request.metadata = '{}' and request.wait_for = '{}'
        and num_nulls(
            request.job_id, request.singleton_key, request.idempotency_key, request.available_at, request.expires_at,
            request.max_attempts, request.retry, request.submitted_by
        ) = 8
$_is_plain_request$;

comment on function _is_plain_request(_request) is
    'Defines a plain job: it has a need, a payload and a priority, and the defaults of submit otherwise. One '
    'expression, inlined where it is called, tells this. The need is checked elsewhere: by _is_plain_need, or when its '
    'lane is opened. Apart from the need, this is never true of a request that _check_submit refuses.';
