create or replace function _few_claims_since(watermark watermark)
returns boolean
language sql
volatile
as $_few_claims_since$
    -- The fence counts the claims of all needs; how many were of this one nobody knows. One claim in fifty moves its marks: that counts them.
    select watermark.fence + 50 > pg_sequence_last_value('fence_seq') or not _one_in_fifty()
$_few_claims_since$;

comment on function _few_claims_since(watermark) is
    'Whether few claims came after these marks: fewer than fifty of all needs, or else unless this is the one claim in fifty, by chance, that moves them.';
