create or replace function _snapshot_is_fixed()
returns boolean
language sql
stable
as $_snapshot_is_fixed$
    select current_setting('transaction_isolation') <> 'read committed'
$_snapshot_is_fixed$;

comment on function _snapshot_is_fixed() is
    'Returns whether this transaction has a fixed snapshot (REPEATABLE READ and above): a new statement then does not '
    'see rows that other transactions have committed in the meantime.';
