create or replace function _fill_defaults(request _request)
returns _request
language sql
immutable
as $_fill_defaults$
    select (
        request.next_need, coalesce(request.payload, '{}'), request.job_id, coalesce(request.wait_for, '{}'),
        request.singleton_key, request.idempotency_key, coalesce(request.priority, 100), request.available_at,
        nullif(request.expires_at, 'infinity'), request.max_attempts, request.retry,
        coalesce(request.on_dependency_failure, 'hold'), coalesce(request.metadata, '{}'), request.submitted_by
    )::_request
$_fill_defaults$;

comment on function _fill_defaults(_request) is
    'Returns the request with the defaults of submit in place of nulls. An expires_at of infinity becomes null.';
