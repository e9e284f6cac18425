create or replace function _is_plain_worker(worker_id text, capabilities text[])
returns boolean
language sql
immutable
as $_is_plain_worker$
    select octet_length(worker_id) between 1 and 200
        and cardinality(capabilities) = 1 and array_lower(capabilities, 1) = 1
        and octet_length(capabilities[1]) <= 200 and capabilities[1] ~ '^[^[:space:][:cntrl:].%]+([.][^[:space:][:cntrl:].%]+)*$'
$_is_plain_worker$;

comment on function _is_plain_worker(text, text[]) is
    'Whether a worker''s name and its one exact capability want no second look: one expression, for most are so. Never true of what '
    '_check_text or _check_capabilities refuses.';
