create or replace function _few_claims_since(watermark watermark)
returns boolean
language sql
volatile
as $_few_claims_since$
    -- The fence counts the claims of all needs, and nothing counts those of one need. Therefore one claim in fifty
    -- advances the watermarks of its need, which is once in fifty claims of that need.
    select _few_claims_between(watermark.fence, pg_sequence_last_value('fence_seq')) or not _one_in_fifty()
$_few_claims_since$;

comment on function _few_claims_since(watermark) is
    'Whether few claims came since these watermarks were recorded. False for one claim in fifty, chosen at random, '
    'after more than fifty claims of all needs; that claim advances the watermarks.';
