create or replace function _try_lock_keys(keys text[])
returns text[]
language plpgsql
volatile
as $_try_lock_keys$
declare
    v_slots     integer[];
    v_locked    integer[];
begin
    -- The common case: one key, whose row exists and is not locked.
    if cardinality(keys) = 1 then
        perform from key_slot as s where s.slot = _key_slot(keys[1]) for no key update skip locked;
        if found then
            return keys;
        end if;
    end if;
    v_slots := array(select distinct _key_slot(k.key) from unnest(keys) as k (key));
    for v_try in 1 .. 2 loop
        select array_agg(l.slot) into v_locked
        from (
            select s.slot from key_slot as s where s.slot = any (v_slots) for no key update skip locked
        ) as l;
        -- A row can be missing rather than locked, if the table was emptied or was restored without its rows.
        exit when cardinality(v_locked) = cardinality(v_slots) or not _restore_slots(v_slots);
    end loop;
    return array(select k.key from unnest(keys) as k (key) where _key_slot(k.key) = any (v_locked));
end
$_try_lock_keys$;

comment on function _try_lock_keys(text[]) is
    'Tries to lock these singleton keys until the end of the transaction, and returns those that it locked. Never '
    'waits. A lock is a row lock in key_slot, which only the owner of the schema can take. The lock assigns a '
    'transaction id: a caller that must read something before the transaction has an id (_queue_position, '
    '_run_deferred) does so first.';
