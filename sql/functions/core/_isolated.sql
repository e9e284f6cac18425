create or replace function _isolated()
returns boolean
language sql
stable
as $_isolated$
    select current_setting('transaction_isolation') <> 'read committed'
$_isolated$;

comment on function _isolated() is
    'Whether a new statement of this transaction does not see what others commit in the meantime (REPEATABLE READ and above).';
