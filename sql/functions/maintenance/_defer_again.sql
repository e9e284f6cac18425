create or replace function _defer_again(v_item deferred)
returns void
language plpgsql
volatile
as $_defer_again$
begin
    -- deleted and inserted, not updated: see _set_parked
    delete from deferred as n where n.deferred_id = v_item.deferred_id;
    insert into deferred (kind, job_id, waits_for, singleton_key, written_by, seen_by, tries, due_at)
    values (
        v_item.kind, v_item.job_id, v_item.waits_for, v_item.singleton_key, v_item.written_by, v_item.seen_by,
        v_item.tries, v_item.due_at
    );
end
$_defer_again$;

comment on function _defer_again(deferred) is 'Keeps a deferred item, whose lock the caller holds, for a later pass.';
