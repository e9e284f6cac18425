create or replace function _is_plain_claim(worker_id text, capabilities text[])
returns boolean
language sql
immutable
as $_is_plain_claim$
    select octet_length(worker_id) between 1 and 200 and cardinality(capabilities) = 1
$_is_plain_claim$;

comment on function _is_plain_claim(text, text[]) is
    'Whether worker_id, and the one capability if it has watermarks, need no further check. Only needs have '
    'watermarks: a prefix has none, and neither has anything that _check_capabilities refuses.';
