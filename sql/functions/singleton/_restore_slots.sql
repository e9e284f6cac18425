create or replace function _restore_slots(slots integer[])
returns boolean
language plpgsql
volatile
set lock_timeout to '1ms'
as $_restore_slots$
declare
    v_slot      integer;
    v_restored  boolean := false;
begin
    for v_slot in
        select n.slot
        from unnest(slots) as n (slot)
        where not exists (select from key_slot as s where s.slot = n.slot offset 0)
        order by n.slot
    loop
        begin
            insert into key_slot (slot) values (v_slot) on conflict on constraint key_slot_pkey do nothing;
            v_restored := true;
        exception
            -- Another transaction is inserting the row and thereby holds its lock.
            when lock_not_available then
                null;
        end;
    end loop;
    return v_restored;
end
$_restore_slots$;

comment on function _restore_slots(integer[]) is
    'Inserts those of these rows of key_slot that are missing. Returns whether it inserted any. Waits at most a '
    'millisecond for another transaction that inserts the same row.';
