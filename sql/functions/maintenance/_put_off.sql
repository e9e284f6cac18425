create or replace function _put_off(v_note note)
returns void
language plpgsql
volatile
as $_put_off$
begin
    -- deleted and written anew, not updated: see _park
    delete from note as n where n.note_id = v_note.note_id;
    insert into note (kind, job_id, waits_for, singleton_key, written_by, seen_by, tries, look_at)
    values (
        v_note.kind, v_note.job_id, v_note.waits_for, v_note.singleton_key, v_note.written_by, v_note.seen_by, v_note.tries, v_note.look_at
    );
end
$_put_off$;

comment on function _put_off(note) is 'Keeps a note, whose lock the caller holds, for another look.';
