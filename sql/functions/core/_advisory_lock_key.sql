create or replace function _advisory_lock_key(kind text, name text)
returns bigint
language plpgsql
stable
as $_advisory_lock_key$
declare
    v_salt constant bigint := coalesce((select s.salt from secret as s limit 1), 0);
begin
    -- 256 numbers for each kind: a transaction that claims for very many needs cannot exhaust the lock table of the
    -- server.
    return hashtextextended(kind, v_salt) + (hashtextextended(name, v_salt) & 255);
end
$_advisory_lock_key$;

comment on function _advisory_lock_key(text, text) is
    'Returns the key of an advisory lock that lets one session at a time do work that one session may do for all: '
    'maintenance, advancing the watermarks of a need, rebuilding the lane cache of a scope, recording a wake-up '
    'channel. The salt keeps other roles from computing the key, but they can read it in pg_locks while it is held, '
    'and hold it themselves. A caller that cannot get the lock therefore goes ahead without it once a second has '
    'passed since the work was last done. Two names that share a number only delay each other in this way.';
