create or replace function _is_plain_request(payload jsonb, bytes integer, priority integer, on_dependency_failure text, metadata jsonb)
returns boolean
language sql
immutable
as $_is_plain_request$
    select jsonb_typeof(payload) = 'object' and bytes <= 1024
        and priority between 0 and 999 and on_dependency_failure = 'hold' and metadata = '{}'
$_is_plain_request$;

comment on function _is_plain_request(jsonb, integer, integer, text, jsonb) is
    'Whether what every job has, but for its need, wants no second look: one expression, for nearly all are so. bytes: of the payload as text. Never true of '
    'what _check_submit refuses.';
