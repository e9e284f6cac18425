create or replace function _is_plain_need(need text)
returns boolean
language sql
immutable
as $_is_plain_need$
    -- The length comes first: a regular expression takes four bytes a character, and fails above 1 GB.
    select octet_length(need) <= 200 and need ~ '^[^[:space:][:cntrl:].%]+([.][^[:space:][:cntrl:].%]+)*$'
$_is_plain_need$;

comment on function _is_plain_need(text) is
    'Returns whether one cheap expression can tell that a need is valid. It is never true of a need that _check_need '
    'refuses.';
