create or replace function _is_plain_need(need text)
returns boolean
language sql
immutable
as $_is_plain_need$
    -- measured first: a regular expression takes four bytes a character, and fails above 1 GB
    select octet_length(need) <= 200 and need ~ '^[^[:space:][:cntrl:].%]+([.][^[:space:][:cntrl:].%]+)*$'
$_is_plain_need$;

comment on function _is_plain_need(text) is 'Whether a need wants no second look. Never true of what _check_need refuses.';
