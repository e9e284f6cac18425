create or replace function _work_note(
    v_note note, limit_rows integer, notes bigint[], fresh boolean, now timestamptz, out freed integer, out admitted integer, out looked_at integer
)
language plpgsql
volatile
as $_work_note$
declare
    v_xmin      constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
    v_done      boolean := true;
    v_first     boolean;
    v_looked    record;
begin
    freed := 0;
    admitted := 0;
    looked_at := 1;
    -- an id that this server has not come to was noted on another one, before a restore
    if v_note.seen_by >= pg_snapshot_xmax(pg_current_snapshot()) then
        v_note.seen_by := null;
    end if;
    if v_note.kind = 'key' then
        v_done := _admit(v_note.singleton_key);
        admitted := v_done::integer;
        delete from note as n
        where n.note_id = any (notes) and n.kind = 'key' and n.singleton_key = v_note.singleton_key
            and (v_done or n.note_id <> v_note.note_id);
    elsif v_note.kind = 'changed' then
        select t.freed, t.looked_at into freed, looked_at from _tell_chunk(v_note, limit_rows, now) as t;
        return;
    else
        perform from job as j where j.job_id = v_note.job_id for no key update skip locked;
        if not found then
            -- ended, or held by another transaction
            v_done := not exists (select from job as j where j.job_id = v_note.job_id);
        elsif v_note.kind = 'edge' then
            freed := _apply(v_note.waits_for, _end_state(v_note.waits_for), array[v_note.job_id], now);
        else
            -- Whoever ended a dependency without seeing a new edge had its transaction id before that look, which came before the edge
            -- committed, hence before the first look here took an id (seen_by). Once all older ones are over and a look at all edges began after,
            -- nobody can have missed the edge.
            v_first := v_note.waits_for is null;
            if v_first and coalesce(v_note.seen_by <= v_xmin, false) then
                v_note.seen_by := '0';
            end if;
            v_looked := _look_again(v_note.job_id, v_note.waits_for, limit_rows, now);
            freed := v_looked.freed;
            looked_at := v_looked.looked_at;
            v_note.waits_for := v_looked.last;
            v_done := not exists (select from edge as e where e.job_id = v_note.job_id);
            if not v_done and v_note.waits_for is not null then
                -- the next edges, as soon as may be
                perform _put_off(v_note);
                return;
            end if;
            v_done := v_done or coalesce(v_note.seen_by = '0', false);
        end if;
        if v_done then
            delete from note as n where n.note_id = v_note.note_id;
            -- what was set aside before was tried before
            if v_note.tries > 0 then
                perform _forget_error('deferred', array[v_note.job_id::text]);
            end if;
        end if;
    end if;
    if not v_done then
        -- later, and later each time: 20 ms, 40 ms, and so on up to 5 s
        v_note.look_at := now + least(interval '20 ms' * 2 ^ least(v_note.tries, 10), interval '5 s');
        v_note.seen_by := coalesce(v_note.seen_by, case when fresh then pg_current_xact_id() end);
        v_note.tries := v_note.tries + 1;
        perform _put_off(v_note);
    end if;
end
$_work_note$;

comment on function _work_note(note, integer, bigint[], boolean, timestamptz) is
    'Works off one note, looking at no more than limit_rows edges or dependents, and removes it or keeps it for '
    'later. notes: those whose locks the caller holds; the others of the same key among them are removed with it.';
