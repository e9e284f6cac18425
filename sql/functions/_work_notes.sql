create or replace function _work_notes(limit_notes integer, now timestamptz, out freed integer, out admitted integer)
language plpgsql
volatile
as $_work_notes$
declare
    -- whether the id that this transaction will have is younger than the notes it sees
    v_fresh constant boolean := pg_current_xact_id_if_assigned() is null;
    v_notes bigint[];
    v_keys  text[] := array[]::text[];
    v_note  note;
    v_xmin  xid8;
    v_done  boolean;
begin
    freed := 0;
    admitted := 0;
    select array_agg(n.note_id) into v_notes
    from (
        select n.note_id
        from note as n
        where n.look_at <= _work_notes.now
            -- what this very transaction wrote is not there for others yet, who could end or free beside it
            and (n.kind = 'changed' or n.written_by is distinct from pg_current_xact_id_if_assigned())
        order by n.look_at
        limit limit_notes
        for update skip locked
    ) as n;
    if v_notes is null then
        return;
    end if;
    v_xmin := pg_snapshot_xmin(pg_current_snapshot());

    for v_note in
        select n.* from note as n where n.note_id = any (v_notes) order by n.note_id
    loop
        v_done := true;
        -- an id that this server has not come to was noted on another one, before a restore
        if v_note.seen_by >= pg_snapshot_xmax(pg_current_snapshot()) then
            v_note.seen_by := null;
        end if;
        if v_note.kind = 'key' then
            -- one look, and one note that stays if need be, serve all of the key
            continue when v_note.singleton_key = any (v_keys);
            v_keys := v_keys || v_note.singleton_key;
            v_done := _admit(v_note.singleton_key);
            admitted := admitted + v_done::integer;
            delete from note as n
            where n.note_id = any (v_notes) and n.kind = 'key' and n.singleton_key = v_note.singleton_key
                and (v_done or n.note_id <> v_note.note_id);
        elsif v_note.kind = 'changed' then
            freed := freed + _tell_chunk(v_note, now);
        else
            perform from job as j where j.job_id = v_note.job_id for no key update skip locked;
            if found then
                freed := freed + _look_again(v_note.job_id, v_note.waits_for, now);
                -- Whoever ended a dependency without seeing a new edge had its transaction id before that look, which came before the edge
                -- committed, hence before the first look here took an id (seen_by). Once all older ones are over and a look came after,
                -- nobody can have missed the edge.
                v_done := v_note.kind = 'edge'
                    or coalesce(v_note.seen_by <= v_xmin, false)
                    or not exists (select from edge as e where e.job_id = v_note.job_id);
            else
                -- ended, or held by another transaction
                v_done := not exists (select from job as j where j.job_id = v_note.job_id);
            end if;
            if v_done then
                delete from note as n where n.note_id = v_note.note_id;
            end if;
        end if;
        if not v_done then
            -- later, and later each time: 20 ms, 40 ms … 5 s
            v_note.look_at := now + least(interval '20 ms' * 2 ^ least(v_note.tries, 10), interval '5 s');
            v_note.seen_by := coalesce(v_note.seen_by, case when v_fresh then pg_current_xact_id() end);
            v_note.tries := v_note.tries + 1;
            perform _put_off(v_note);
        end if;
    end loop;
end
$_work_notes$;

comment on function _work_notes(integer, timestamptz) is
    'Does what earlier transactions could not do without waiting: looks whether a dependency ended unseen, frees dependents that were locked or '
    'too many, admits the next of a key. Locks notes and jobs by skipping what is locked.';
