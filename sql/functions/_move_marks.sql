create or replace function _move_marks(needs text[], now timestamptz)
returns void
language plpgsql
volatile
as $_move_marks$
declare
    v_fresh         constant boolean := pg_current_xact_id_if_assigned() is null;
    v_seen          bigint;
    v_id            xid8;
    v_last          bigint;
    v_need          text[];
    v_priority      smallint[];
    v_number        bigint[];
    v_seen_number   bigint[];
    v_seen_by       xid8[];
begin
    -- one mover of these needs at a time is enough (two that meet on a lane are each right); the others claim from the old marks meanwhile
    if not pg_try_advisory_xact_lock(_key_lock('mark' || needs[1])) then
        return;
    end if;
    -- The reading first, the transaction id after it: the other way round the pair proves nothing. A pair is kept until it has come true: if it were
    -- replaced each time, writers that take longer than that, one after the other, would stop the mark.
    if v_fresh then
        select s.last_value into v_seen from number_seq as s where s.is_called;
    end if;
    select array_agg(c.next_need), array_agg(c.priority), array_agg(c.number), array_agg(c.seen_number), array_agg(c.seen_by)
    into v_need, v_priority, v_number, v_seen_number, v_seen_by
    from (
        select
            l.next_need,
            l.priority,
            case
                when s.proven then least(
                    m.seen_number + 1,
                    (
                        select j.number
                        from job as j
                        where j.state = 'ready' and j.singleton_key is null and j.next_need = l.next_need and j.priority = l.priority
                            and j.number >= m.number
                        order by j.number
                        limit 1
                    )
                )
                else m.number
            end as number,
            m.number as old_number,
            m.seen_number,
            m.seen_by
        from (select distinct o.next_need, o.priority from lane as o where o.next_need = any (needs)) as l
        cross join lateral (
            select k.number, k.seen_number, k.seen_by, k.noted_at
            from mark as k
            where k.next_need = l.next_need and k.priority = l.priority
            order by k.mark_id desc
            limit 1
        ) as m
        cross join lateral (
            select
                pg_snapshot_xmin(pg_current_snapshot()) >= m.seen_by as proven,
                -- an id that this server has not come to: the pair was noted on another one, before a restore
                m.seen_by >= pg_snapshot_xmax(pg_current_snapshot()) and m.seen_by is distinct from pg_current_xact_id_if_assigned() as foreign_id
        ) as s
        where not (m.noted_at between _move_marks.now - interval '20 ms' and _move_marks.now) and (s.proven or s.foreign_id)
    ) as c
    -- an idle lane writes nothing
    where c.number <> c.old_number or c.seen_number <> v_seen;
    if v_need is null then
        return;
    end if;
    v_id := pg_current_xact_id();
    with moved as (
        insert into mark (next_need, priority, number, seen_number, seen_by, noted_at)
        select
            c.next_need, c.priority, c.number, coalesce(v_seen, c.seen_number), case when v_seen is null then c.seen_by else v_id end,
            _move_marks.now
        from unnest(v_need, v_priority, v_number, v_seen_number, v_seen_by) as c (next_need, priority, number, seen_number, seen_by)
        returning mark_id
    )
    select max(m.mark_id) into v_last from moved as m;
    -- every hundredth row or so
    if v_last / 100 > (v_last - cardinality(v_need)) / 100 then
        delete from mark as k
        where (k.next_need, k.priority, k.mark_id) in (
            select o.next_need, o.priority, o.mark_id
            from mark as o
            where o.next_need = any (needs) and o.noted_at < _move_marks.now - interval '1 minute'
                and exists (
                    select from mark as n
                    where n.next_need = o.next_need and n.priority = o.priority and n.mark_id > o.mark_id
                        and n.noted_at < _move_marks.now - interval '1 minute'
                )
            for update skip locked
        );
    end if;
end
$_move_marks$;

comment on function _move_marks(text[], timestamptz) is
    'Moves the low-water marks of these needs up to the first ready number that can be seen, no further than what is proven to be all there will be. '
    'At most fifty times a second a lane; waits for nobody. Above READ COMMITTED the snapshot may be old, and the mark lower: never too high.';
