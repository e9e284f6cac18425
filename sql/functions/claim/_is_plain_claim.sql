create or replace function _is_plain_claim(worker_id text, capabilities text[])
returns boolean
language sql
immutable
as $_is_plain_claim$
    select octet_length(worker_id) between 1 and 200 and cardinality(capabilities) = 1
$_is_plain_claim$;

comment on function _is_plain_claim(text, text[]) is
    'Whether a worker''s name, and his one capability if there are marks of it, want no second look. Marks are those of needs: of what '
    '_check_capabilities refuses, and of a prefix, there are none.';
