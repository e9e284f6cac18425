create or replace function _is_row_error(error_code text)
returns boolean
language sql
immutable
as $_is_row_error$
    -- 40: serialization failure and deadlock. 25: the transaction may not write. 55: a lock is not available.
    -- 57: an operator intervened.
    select left(error_code, 2) not in ('40', '25', '55', '57')
$_is_row_error$;

comment on function _is_row_error(text) is
    'Whether an error that maintenance meets may be caused by the row it works on: true for every error except those '
    'that concern the whole transaction.';
