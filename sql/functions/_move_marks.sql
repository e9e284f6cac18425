create or replace function _move_marks(capabilities text[], now timestamptz, seen bigint default null)
returns void
language plpgsql
volatile
as $_move_marks$
declare
    v_seen      constant bigint := coalesce(seen, _last_number());
    v_noted_at  timestamptz;
    v_noted     bigint;
    v_seen_by   xid8;
    v_id        xid8;
    v_last      bigint;
    v_fence     bigint;
    v_lease     constant interval := _duration(_setting_value('max_lease')::interval);
    v_attempts  constant integer := _setting_value('max_attempts')::integer;
    v_over      xid8;
    v_moved     mark[];
begin
    if cardinality(capabilities) > 1 or right(capabilities[1], 1) = '%' then
        perform _move_front(_scope(capabilities), capabilities, 0, now, v_seen);
        return;
    end if;
    -- One mover of a need at a time is enough, the others claim from the old marks meanwhile; but one who idles in his transaction must not keep them there.
    select k.noted_at, k.fence, k.seen_by into v_noted_at, v_noted, v_seen_by
    from mark as k
    where k.next_need = capabilities[1]
    order by k.mark_id desc
    limit 1;
    if not pg_try_advisory_xact_lock(_engine_lock('mark', capabilities[1]))
        and v_noted_at between _move_marks.now - interval '1 s' and _move_marks.now + interval '1 s' then
        return;
    end if;
    select s.last_value into v_fence from fence_seq as s;
    -- somebody's long transaction, which may have nothing to do with jobs: asked where claims have left something behind
    if v_noted + 50 < v_fence and v_seen_by > pg_snapshot_xmin(pg_current_snapshot()) and v_seen_by < pg_snapshot_xmax(pg_current_snapshot())
        and not _isolated() and _is_over(v_seen_by) then
        v_over := v_seen_by;
    end if;
    -- A pair is kept until it has come true: if it were replaced each time, writers that take longer than that, one after the other, would stop the mark.
    select array_agg((
        null, n.next_need, n.priorities, c.numbers, n.keyed,
        case when s.proven or s.foreign_id then coalesce(v_seen, m.seen_number) else m.seen_number end,
        case when (s.proven or s.foreign_id) and v_seen is not null then null else m.seen_by end,
        _move_marks.now, v_fence, v_lease, v_attempts
    )::mark)
    into v_moved
    from (
        select o.next_need, array_agg(distinct o.priority order by o.priority) as priorities, bool_or(o.keyed) as keyed
        from lane as o
        where o.next_need = capabilities[1]
        group by o.next_need
    ) as n
    cross join lateral (
        select k.priorities, k.numbers, k.keyed, k.seen_number, k.seen_by, k.noted_at, k.fence, k.max_lease, k.max_attempts
        from mark as k
        where k.next_need = n.next_need
        order by k.mark_id desc
        limit 1
    ) as m
    cross join lateral (
        select
            pg_snapshot_xmin(pg_current_snapshot()) >= m.seen_by or coalesce(m.seen_by = v_over, false) as proven,
            -- an id that this server has not come to: the pair was noted on another one, before a restore
            m.seen_by >= pg_snapshot_xmax(pg_current_snapshot()) and m.seen_by is distinct from pg_current_xact_id_if_assigned() as foreign_id
    ) as s
    cross join lateral (
        select
            array_agg(
                case
                    when s.proven then least(
                        m.seen_number + 1,
                        (
                            select j.number
                            from ready as j
                            where hashtextextended(j.next_need, j.priority::bigint) = hashtextextended(n.next_need, o.priority::bigint)
                                and j.next_need = n.next_need and j.priority = o.priority
                                and j.number between o.number and m.seen_number
                            order by j.number
                            limit 1
                        )
                    )
                    else o.number
                end
                order by o.priority
            ) as numbers
        from (
            select p.priority, coalesce(m.numbers[array_position(m.priorities, p.priority)], 0) as number
            from unnest(n.priorities) as p (priority)
        ) as o
    ) as c
    where (m.fence + 50 < v_fence or not (m.noted_at between _move_marks.now - interval '20 ms' and _move_marks.now))
        -- an idle need writes nothing
        and (m.noted_at = '-infinity' or n.priorities <> m.priorities or n.keyed <> m.keyed or c.numbers <> m.numbers or m.seen_number <> v_seen or m.fence + 50 < v_fence
            or (m.max_lease, m.max_attempts) is distinct from (v_lease, v_attempts));
    if v_moved is null then
        return;
    end if;
    v_id := pg_current_xact_id();
    with moved as (
        insert into mark (next_need, priorities, numbers, keyed, seen_number, seen_by, noted_at, fence, max_lease, max_attempts)
        select m.next_need, m.priorities, m.numbers, m.keyed, m.seen_number, coalesce(m.seen_by, v_id), m.noted_at, m.fence, m.max_lease, m.max_attempts
        from unnest(v_moved) as m
        returning mark_id
    )
    select max(m.mark_id) into v_last from moved as m;
    -- every hundredth row or so
    if v_last / 100 > (v_last - cardinality(v_moved)) / 100 then
        delete from mark as k
        where (k.next_need, k.mark_id) in (
            select o.next_need, o.mark_id
            from mark as o
            where o.next_need = capabilities[1] and o.noted_at < _move_marks.now - interval '1 minute'
                and exists (
                    select from mark as n
                    where n.next_need = o.next_need and n.mark_id > o.mark_id and n.noted_at < _move_marks.now - interval '1 minute'
                )
            for update skip locked
        );
    end if;
end
$_move_marks$;

comment on function _move_marks(text[], timestamptz, bigint) is
    'Moves the low-water marks of a need up to the first ready number that can be seen, no further than what is proven to be all there will be. At most '
    'fifty times a second a need, or once in fifty claims; waits for nobody. Above READ COMMITTED the snapshot may be old, and the mark lower: never too '
    'high. Of capabilities that are more than one need it moves the front.';
