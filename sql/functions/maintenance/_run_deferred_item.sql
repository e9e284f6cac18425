create or replace function _run_deferred_item(
    v_item deferred, limit_rows integer, items bigint[], fresh boolean, now timestamptz,
    out freed integer, out admitted integer, out looked_at integer
)
language plpgsql
volatile
as $_run_deferred_item$
declare
    v_done      boolean := true;
    v_first     boolean;
    v_looked    record;
begin
    freed := 0;
    admitted := 0;
    looked_at := 1;
    -- null: another server recorded the id, before a restore
    if _horizon_passed(v_item.seen_by) is null then
        v_item.seen_by := null;
    end if;
    if v_item.kind = 'key' then
        v_done := _unpark_next(v_item.singleton_key);
        admitted := v_done::integer;
        delete from deferred as n
        where n.deferred_id = any (items) and n.kind = 'key' and n.singleton_key = v_item.singleton_key
            and (v_done or n.deferred_id <> v_item.deferred_id);
    elsif v_item.kind = 'ended' then
        select t.freed, t.looked_at into freed, looked_at from _propagate_chunk(v_item, limit_rows, now) as t;
        return;
    else
        perform from job as j where j.job_id = v_item.job_id for no key update skip locked;
        if not found then
            -- the job has ended, or another transaction has locked it
            v_done := not exists (select from job as j where j.job_id = v_item.job_id);
        elsif v_item.kind = 'dependency' then
            freed := _apply_dependency_policy(
                v_item.waits_for, _ended_as(v_item.waits_for), array[v_item.job_id], now
            );
        else
            -- A transaction that ended a job without seeing a new dependency on it took its id before it looked for
            -- dependents, and it looked before the dependency committed: hence before the first pass here took an id
            -- (seen_by). Once all older transactions have ended, a pass over all dependencies that begins afterwards
            -- misses no end.
            v_first := v_item.waits_for is null;
            if v_first and _horizon_passed(v_item.seen_by) then
                v_item.seen_by := '0';
            end if;
            v_looked := _recheck_blocked(v_item.job_id, v_item.waits_for, limit_rows, now);
            freed := v_looked.freed;
            looked_at := v_looked.looked_at;
            v_item.waits_for := v_looked.last;
            v_done := not exists (select from dependency as e where e.job_id = v_item.job_id);
            if not v_done and v_item.waits_for is not null then
                -- continues with the next dependencies as soon as possible
                perform _defer_again(v_item);
                return;
            end if;
            v_done := v_done or coalesce(v_item.seen_by = '0', false);
        end if;
        if v_done then
            delete from deferred as n where n.deferred_id = v_item.deferred_id;
            -- only an item that was tried before can have been set aside
            if v_item.tries > 0 then
                perform _clear_maintenance_error('deferred', array[v_item.job_id::text]);
            end if;
        end if;
    end if;
    if not v_done then
        -- tried again later each time: after 20 ms, 40 ms, and so on up to 5 s
        v_item.due_at := now + least(interval '20 ms' * 2 ^ least(v_item.tries, 10), interval '5 s');
        v_item.seen_by := coalesce(v_item.seen_by, case when fresh then pg_current_xact_id() end);
        v_item.tries := v_item.tries + 1;
        perform _defer_again(v_item);
    end if;
end
$_run_deferred_item$;

comment on function _run_deferred_item(deferred, integer, bigint[], boolean, timestamptz) is
    'Works on one deferred item, examining at most limit_rows dependencies or dependents, and removes it or keeps it '
    'for later. items: ids of the items whose locks the caller holds; those of the same key among them are removed '
    'with it.';
