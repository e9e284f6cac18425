create or replace function _run_deferred(
    limit_rows integer, now timestamptz, fresh boolean default pg_current_xact_id_if_assigned() is null,
    among bigint[] default null,
    out freed integer, out admitted integer, out looked_at integer
)
language plpgsql
volatile
as $_run_deferred$
declare
    v_tried     bigint[];
    v_items     bigint[];
    v_keys      text[] := array[]::text[];
    v_item      deferred;
    v_done      record;
    v_half      integer;
    v_code      text;
    v_error     text;
begin
    freed := 0;
    admitted := 0;
    looked_at := 0;
    begin
        -- Rows are locked in the subtransaction that changes them, as in _run_contained_step. First comes an end that
        -- many jobs wait for: it frees a thousand of them by a few statements, which makes their own items moot. It
        -- gets half of the limit, so that neither kind keeps the other waiting.
        select n.* into v_item
        from deferred as n
        where n.kind = 'ended' and n.due_at <= _run_deferred.now and (among is null or n.deferred_id = any (among))
        order by n.due_at
        limit 1
        for update skip locked;
        if found then
            v_tried := array[v_item.deferred_id];
            select t.freed, t.looked_at into freed, looked_at
            from _propagate_chunk(v_item, (limit_rows + 1) / 2, now) as t;
        end if;
        v_items := _lock_deferred(limit_rows - looked_at, now, among);
        if v_items is null then
            return;
        end if;
        v_tried := v_tried || v_items;
        looked_at := looked_at + _drop_moot_rechecks(v_items);
        for v_item in
            select o.*
            from unnest(v_items) with ordinality as i (id, place)
            cross join lateral (select n.* from deferred as n where n.deferred_id = i.id limit 1) as o
            order by i.place
        loop
            exit when looked_at >= limit_rows;
            -- all items of one key are served by one try, and by one item that stays if necessary
            continue when v_item.singleton_key = any (v_keys);
            v_keys := v_keys || v_item.singleton_key;
            v_done := _run_deferred_item(v_item, limit_rows - looked_at, v_items, fresh, now);
            freed := freed + v_done.freed;
            admitted := admitted + v_done.admitted;
            looked_at := looked_at + v_done.looked_at;
        end loop;
        return;
    exception
        when others then
            if v_tried is null or not _is_row_error(sqlstate) then
                raise;
            end if;
            v_code := sqlstate;
            v_error := sqlerrm;
    end;
    freed := 0;
    admitted := 0;
    looked_at := 1;
    v_half := cardinality(v_tried) / 2;
    if v_half = 0 then
        select n.* into v_item from deferred as n where n.deferred_id = v_tried[1];
        v_item.due_at := _set_aside(
            'deferred', coalesce(v_item.job_id::text, v_item.singleton_key), v_code, v_error, now
        );
        v_item.tries := v_item.tries + 1;
        perform _defer_again(v_item);
        return;
    end if;
    -- halves of halves, as in _run_contained_step
    select w.freed, w.admitted, w.looked_at into freed, admitted, looked_at
    from _run_deferred(limit_rows, now, fresh, v_tried[: v_half]) as w;
    if looked_at < limit_rows then
        select w.* into v_done from _run_deferred(limit_rows - looked_at, now, fresh, v_tried[v_half + 1 :]) as w;
        freed := freed + v_done.freed;
        admitted := admitted + v_done.admitted;
        looked_at := looked_at + v_done.looked_at;
    end if;
end
$_run_deferred$;

comment on function _run_deferred(integer, timestamptz, boolean, bigint[]) is
    'Does what earlier transactions could not do without waiting: checks whether a dependency ended unseen, frees '
    'dependents that were locked or too many, unparks the next job of a key. Examines at most limit_rows items, '
    'dependencies and dependents in all; the rest stays first in line. An item for which that raises an error is set '
    'aside and stops no other item. among: only these items. fresh: whether the id that this transaction will have is '
    'younger than the items that it sees. Locks items and jobs by skipping what is locked.';
