create or replace function _run_deferred_item(
    v_item deferred, limit_rows integer, notes bigint[], fresh boolean, now timestamptz, out freed integer, out admitted integer, out looked_at integer
)
language plpgsql
volatile
as $_run_deferred_item$
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
    if v_item.seen_by >= pg_snapshot_xmax(pg_current_snapshot()) then
        v_item.seen_by := null;
    end if;
    if v_item.kind = 'key' then
        v_done := _unpark_next(v_item.singleton_key);
        admitted := v_done::integer;
        delete from deferred as n
        where n.deferred_id = any (notes) and n.kind = 'key' and n.singleton_key = v_item.singleton_key
            and (v_done or n.deferred_id <> v_item.deferred_id);
    elsif v_item.kind = 'ended' then
        select t.freed, t.looked_at into freed, looked_at from _propagate_chunk(v_item, limit_rows, now) as t;
        return;
    else
        perform from job as j where j.job_id = v_item.job_id for no key update skip locked;
        if not found then
            -- ended, or held by another transaction
            v_done := not exists (select from job as j where j.job_id = v_item.job_id);
        elsif v_item.kind = 'dependency' then
            freed := _apply_dependency_policy(v_item.waits_for, _ended_as(v_item.waits_for), array[v_item.job_id], now);
        else
            -- Whoever ended a dependency without seeing a new edge had its transaction id before that look, which came before the edge
            -- committed, hence before the first look here took an id (seen_by). Once all older ones are over and a look at all edges began after,
            -- nobody can have missed the edge.
            v_first := v_item.waits_for is null;
            if v_first and coalesce(v_item.seen_by <= v_xmin, false) then
                v_item.seen_by := '0';
            end if;
            v_looked := _recheck_blocked(v_item.job_id, v_item.waits_for, limit_rows, now);
            freed := v_looked.freed;
            looked_at := v_looked.looked_at;
            v_item.waits_for := v_looked.last;
            v_done := not exists (select from dependency as e where e.job_id = v_item.job_id);
            if not v_done and v_item.waits_for is not null then
                -- the next edges, as soon as may be
                perform _defer_again(v_item);
                return;
            end if;
            v_done := v_done or coalesce(v_item.seen_by = '0', false);
        end if;
        if v_done then
            delete from deferred as n where n.deferred_id = v_item.deferred_id;
            -- what was set aside before was tried before
            if v_item.tries > 0 then
                perform _clear_maintenance_error('deferred', array[v_item.job_id::text]);
            end if;
        end if;
    end if;
    if not v_done then
        -- later, and later each time: 20 ms, 40 ms, and so on up to 5 s
        v_item.due_at := now + least(interval '20 ms' * 2 ^ least(v_item.tries, 10), interval '5 s');
        v_item.seen_by := coalesce(v_item.seen_by, case when fresh then pg_current_xact_id() end);
        v_item.tries := v_item.tries + 1;
        perform _defer_again(v_item);
    end if;
end
$_run_deferred_item$;

comment on function _run_deferred_item(deferred, integer, bigint[], boolean, timestamptz) is
    'Works off one note, looking at no more than limit_rows edges or dependents, and removes it or keeps it for '
    'later. notes: those whose locks the caller holds; the others of the same key among them are removed with it.';
