create or replace function _snapshot_is_fixed()
returns boolean
language sql
stable
as $_snapshot_is_fixed$
    select current_setting('transaction_isolation') <> 'read committed'
$_snapshot_is_fixed$;

comment on function _snapshot_is_fixed() is
    'Whether a new statement of this transaction does not see what others commit in the meantime (REPEATABLE READ and above).';
