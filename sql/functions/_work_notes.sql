create or replace function _work_notes(limit_rows integer, now timestamptz, out freed integer, out admitted integer)
language plpgsql
volatile
as $_work_notes$
declare
    -- whether the id that this transaction will have is younger than the notes it sees
    v_fresh constant boolean := pg_current_xact_id_if_assigned() is null;
    v_notes bigint[];
begin
    freed := 0;
    admitted := 0;
    select array_agg(n.note_id order by n.look_at, n.note_id) into v_notes
    from (
        select n.note_id, n.look_at
        from note as n
        where n.look_at <= _work_notes.now
            -- what this very transaction wrote is not there for others yet, who could end or free beside it
            and (n.kind = 'changed' or n.written_by is distinct from pg_current_xact_id_if_assigned())
        order by n.look_at
        limit limit_rows
        for update skip locked
    ) as n;
    if v_notes is null then
        return;
    end if;
    select w.freed, w.admitted into freed, admitted from _work_off(v_notes, limit_rows, v_fresh, now) as w;
end
$_work_notes$;

comment on function _work_notes(integer, timestamptz) is
    'Does what earlier transactions could not do without waiting: looks whether a dependency ended unseen, frees dependents that were locked or '
    'too many, admits the next of a key. Looks at no more than limit_rows notes, edges and dependents in all: what is left stays first in line. Locks '
    'notes and jobs by skipping what is locked.';
