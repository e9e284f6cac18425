create or replace function _is_close(mark mark)
returns boolean
language sql
volatile
as $_is_close$
    -- The fence counts the claims of all needs; how many were of this one nobody knows. One claim in fifty moves its marks: that counts them.
    select mark.fence + 50 > pg_sequence_last_value('fence_seq') or not _is_one_in_fifty()
$_is_close$;

comment on function _is_close(mark) is
    'Whether few claims came after these marks: fewer than fifty of all needs, or else unless this is the one claim in fifty, by chance, that moves them.';
