create or replace function _is_plain(next_need text, payload jsonb, priority integer, on_dependency_failure text, metadata jsonb)
returns boolean
language sql
immutable
as $_is_plain$
    select next_need ~ '^[^[:space:][:cntrl:].%]+([.][^[:space:][:cntrl:].%]+)*$' and octet_length(next_need) <= 200
        and jsonb_typeof(payload) = 'object' and octet_length(payload::text) <= 1024
        and priority between 0 and 999 and on_dependency_failure = 'hold' and metadata = '{}'
$_is_plain$;

comment on function _is_plain(text, jsonb, integer, text, jsonb) is
    'Whether what every job has wants no second look: one expression, for nearly all are so. Never true of what _check_submit refuses.';
