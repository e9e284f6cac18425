create or replace function _work_notes(
    limit_rows integer, now timestamptz, fresh boolean default pg_current_xact_id_if_assigned() is null, among bigint[] default null,
    out freed integer, out admitted integer, out looked_at integer
)
language plpgsql
volatile
as $_work_notes$
declare
    v_notes bigint[];
    v_due   bigint[];
    v_keys  text[] := array[]::text[];
    v_note  note;
    v_done  record;
    v_half  integer;
    v_code  text;
    v_error text;
begin
    freed := 0;
    admitted := 0;
    looked_at := 0;
    begin
        -- Locked in the subtransaction that changes them, as in _maintain. First an end that many wait for: it frees a thousand by few statements, and
        -- leaves nothing to do for their own notes. Half of what may be looked at, so that neither keeps the other waiting.
        select n.* into v_note
        from note as n
        where n.kind = 'changed' and n.look_at <= _work_notes.now and (among is null or n.note_id = any (among))
        order by n.look_at
        limit 1
        for update skip locked;
        if found then
            v_notes := array[v_note.note_id];
            select t.freed, t.looked_at into freed, looked_at from _tell_chunk(v_note, (limit_rows + 1) / 2, now) as t;
        end if;
        select array_agg(d.note_id order by d.look_at, d.note_id) into v_due
        from (
            select n.note_id, n.look_at
            from note as n
            where n.look_at <= _work_notes.now
                -- what this very transaction wrote is not there for others yet, who could end or free beside it
                and (n.kind = 'changed' or n.written_by is distinct from pg_current_xact_id_if_assigned())
                and (among is null or n.note_id = any (among))
            order by n.look_at
            limit limit_rows - looked_at
            for update skip locked
        ) as d;
        if v_due is null then
            return;
        end if;
        v_notes := v_notes || v_due;
        looked_at := looked_at + _drop_idle_notes(v_due);
        for v_note in
            select o.*
            from unnest(v_due) with ordinality as i (id, place)
            cross join lateral (select n.* from note as n where n.note_id = i.id limit 1) as o
            order by i.place
        loop
            exit when looked_at >= limit_rows;
            -- one look, and one note that stays if need be, serve all of a key
            continue when v_note.singleton_key = any (v_keys);
            v_keys := v_keys || v_note.singleton_key;
            v_done := _work_note(v_note, limit_rows - looked_at, v_due, fresh, now);
            freed := freed + v_done.freed;
            admitted := admitted + v_done.admitted;
            looked_at := looked_at + v_done.looked_at;
        end loop;
        return;
    exception
        when others then
            if v_notes is null or not _is_of_a_row(sqlstate) then
                raise;
            end if;
            v_code := sqlstate;
            v_error := sqlerrm;
    end;
    freed := 0;
    admitted := 0;
    looked_at := 1;
    v_half := cardinality(v_notes) / 2;
    if v_half = 0 then
        select n.* into v_note from note as n where n.note_id = v_notes[1];
        v_note.look_at := _set_aside('deferred', coalesce(v_note.job_id::text, v_note.singleton_key), v_code, v_error, now);
        v_note.tries := v_note.tries + 1;
        perform _put_off(v_note);
        return;
    end if;
    -- halves of halves, as in _maintain
    select w.freed, w.admitted, w.looked_at into freed, admitted, looked_at from _work_notes(limit_rows, now, fresh, v_notes[: v_half]) as w;
    if looked_at < limit_rows then
        select w.* into v_done from _work_notes(limit_rows - looked_at, now, fresh, v_notes[v_half + 1 :]) as w;
        freed := freed + v_done.freed;
        admitted := admitted + v_done.admitted;
        looked_at := looked_at + v_done.looked_at;
    end if;
end
$_work_notes$;

comment on function _work_notes(integer, timestamptz, boolean, bigint[]) is
    'Does what earlier transactions could not do without waiting: looks whether a dependency ended unseen, frees dependents that were locked or '
    'too many, admits the next of a key. Looks at no more than limit_rows notes, edges and dependents in all: what is left stays first in line. A note for '
    'which that raises is set aside and stops no other. among: these notes alone. fresh: whether the id that this transaction will have is younger than the '
    'notes it sees. Locks notes and jobs by skipping what is locked.';
