create or replace function _work_off(
    notes bigint[], limit_rows integer, fresh boolean, now timestamptz, out freed integer, out admitted integer, out looked_at integer
)
language plpgsql
volatile
as $_work_off$
declare
    v_keys  text[] := array[]::text[];
    v_note  note;
    v_done  record;
    v_half  constant integer := cardinality(notes) / 2;
    v_code  text;
    v_error text;
begin
    freed := 0;
    admitted := 0;
    looked_at := 0;
    begin
        for v_note in
            select n.* from unnest(notes) with ordinality as i (id, place) cross join lateral (
                select o.* from note as o where o.note_id = i.id limit 1
            ) as n order by i.place
        loop
            exit when looked_at >= limit_rows;
            -- one look, and one note that stays if need be, serve all of a key
            continue when v_note.singleton_key = any (v_keys);
            v_keys := v_keys || v_note.singleton_key;
            select w.freed, w.admitted, w.looked_at into v_done from _work_note(v_note, limit_rows - looked_at, notes, fresh, now) as w;
            freed := freed + v_done.freed;
            admitted := admitted + v_done.admitted;
            looked_at := looked_at + v_done.looked_at;
        end loop;
        return;
    exception
        when others then
            if not _is_of_a_row(sqlstate) then
                raise;
            end if;
            v_code := sqlstate;
            v_error := sqlerrm;
    end;
    freed := 0;
    admitted := 0;
    looked_at := 1;
    if v_half = 0 then
        select n.* into v_note from note as n where n.note_id = notes[1];
        v_note.look_at := _set_aside('deferred', coalesce(v_note.job_id::text, v_note.singleton_key), v_code, v_error, now);
        perform _put_off(v_note);
        return;
    end if;
    -- halves of halves, as _maintain
    select w.freed, w.admitted, w.looked_at into freed, admitted, looked_at from _work_off(notes[: v_half], limit_rows, fresh, now) as w;
    if looked_at < limit_rows then
        select w.* into v_done from _work_off(notes[v_half + 1 :], limit_rows - looked_at, fresh, now) as w;
        freed := freed + v_done.freed;
        admitted := admitted + v_done.admitted;
        looked_at := looked_at + v_done.looked_at;
    end if;
end
$_work_off$;

comment on function _work_off(bigint[], integer, boolean, timestamptz) is
    'Works off notes whose locks the caller holds, in the given order, until limit_rows notes, edges and dependents were looked at. A note for which that '
    'raises is set aside and stops no other. fresh: whether the transaction had no id when the notes were locked.';
