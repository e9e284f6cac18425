create or replace function _advisory_lock_key(kind text, name text)
returns bigint
language plpgsql
stable
as $_advisory_lock_key$
declare
    v_salt constant bigint := coalesce((select s.salt from secret as s limit 1), 0);
begin
    -- 256 numbers a kind: one transaction that claims of ever so many needs cannot exhaust the server's memory for locks
    return hashtextextended(kind, v_salt) + (hashtextextended(name, v_salt) & 255);
end
$_advisory_lock_key$;

comment on function _advisory_lock_key(text, text) is
    'The advisory lock by which one session does what one at a time is enough for: upkeep, the marks of a need (mark), the front of a scope (front), noting a '
    'channel (listener). Nobody outside can compute it, but anybody can read it in pg_locks while it is held, and hold it then: so whoever cannot get it '
    'goes ahead all the same once a second has passed since the work was last done. Two names that share a number cost each other no more than that.';
