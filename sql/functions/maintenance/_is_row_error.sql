create or replace function _is_row_error(error_code text)
returns boolean
language sql
immutable
as $_is_row_error$
    -- serialization and deadlock; a transaction that may not write; a lock that is not to be had; an operator's intervention
    select left(error_code, 2) not in ('40', '25', '55', '57')
$_is_row_error$;

comment on function _is_row_error(text) is
    'Whether an error that maintenance meets may come from the row it works on: all but those that concern the whole'
    ' transaction.';
