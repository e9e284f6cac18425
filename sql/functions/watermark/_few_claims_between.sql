create or replace function _few_claims_between(fence bigint, last_fence bigint)
returns boolean
language sql
immutable
as $_few_claims_between$
    select fence + 50 >= last_fence
$_few_claims_between$;

comment on function _few_claims_between(bigint, bigint) is
    'Whether at most fifty claims, of any need, came between these two fences. After more of them a claim passes by '
    'many dead index entries, and the watermarks should be advanced.';
