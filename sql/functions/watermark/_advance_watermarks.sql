create or replace function _advance_watermarks(capabilities text[], now timestamptz, seen bigint default null)
returns void
language plpgsql
volatile
as $_advance_watermarks$
declare
    -- rows from here on are no moves: _invalidation_id()
    v_top       constant bigint := 4611686018427387904;
    v_seen      constant bigint := coalesce(seen, _queue_position());
    v_isolated  constant boolean := _snapshot_is_fixed();
    v_lone      boolean;
    v_old       watermark;
    v_last      watermark;
    v_below     bigint;
    v_opened    bigint[];
    v_id        xid8;
    v_mark_id   bigint;
    v_fence     bigint;
    v_lease     interval;
    v_attempts  integer;
    v_over      xid8;
    v_moved     watermark;
begin
    if cardinality(capabilities) > 1 or right(capabilities[1], 1) = '%' then
        perform _rebuild_lane_cache(_scope_name(capabilities), capabilities, 0, now, v_seen);
        return;
    end if;
    v_lone := pg_try_advisory_xact_lock(_advisory_lock_key('watermark', capabilities[1]));
    for v_try in 1 .. 3 loop
        select k.* into v_old from watermark as k where k.next_need = capabilities[1] order by k.watermark_id desc limit 1;
        v_below := coalesce(v_old.watermark_id, 0);
        v_opened := '{}';
        if v_old.watermark_id >= v_top then
            -- seen before the lanes and the settings are read: what these rows tell of is in what follows
            v_opened := array(select k.watermark_id from watermark as k where k.next_need = capabilities[1] and k.watermark_id >= v_top);
            select k.* into v_last from watermark as k where k.next_need = capabilities[1] and k.watermark_id < v_top order by k.watermark_id desc limit 1;
            v_below := coalesce(v_last.watermark_id, 0);
            if v_last.watermark_id is not null then
                v_old := v_last;
            end if;
        end if;
        -- one mover of a need at a time is enough, the others claim from the old marks meanwhile; but one that idles in its transaction must not keep them
        if not v_lone and v_old.noted_at between _advance_watermarks.now - interval '1 s' and _advance_watermarks.now + interval '1 s' then
            return;
        end if;
        select s.last_value into v_fence from fence_seq as s;
        -- read after the marks, which cannot know of a number that was not drawn
        if v_old.fence > v_fence then
            perform _raise_sequence_lags('fence_seq');
        elsif v_old.seen_number > coalesce(v_seen, 0) and v_old.seen_number > coalesce(pg_sequence_last_value('number_seq'), 0) then
            perform _raise_sequence_lags('number_seq');
        end if;
        -- above READ COMMITTED this may be an old look, and no claim is to go by it: see below
        v_lease := case when not v_isolated then _duration(_setting_value('max_lease')::interval) end;
        v_attempts := _setting_value('max_attempts')::integer;
        -- somebody's long transaction, which may have nothing to do with jobs: asked where claims have left something behind
        if v_old.fence + 50 < v_fence and v_old.seen_by > pg_snapshot_xmin(pg_current_snapshot())
            and v_old.seen_by < pg_snapshot_xmax(pg_current_snapshot()) and not v_isolated and _no_older_writers(v_old.seen_by) then
            v_over := v_old.seen_by;
        end if;
        -- A pair is kept until it has come true: if it were replaced each time, writers that take longer than that, one after the other, would stop the mark.
        select
            null::bigint, n.next_need, n.priorities, c.numbers, n.keyed,
            case when s.proven or s.foreign_id then coalesce(v_seen, v_old.seen_number) else v_old.seen_number end,
            case when (s.proven or s.foreign_id) and v_seen is not null then null else v_old.seen_by end,
            _advance_watermarks.now, v_fence, v_lease, v_attempts
        into v_moved
        from (
            select l.next_need, array_agg(distinct l.priority order by l.priority) as priorities, bool_or(l.keyed) as keyed
            from (select o.next_need, greatest(o.priority, -1 - o.priority)::smallint as priority, o.keyed from lane as o where o.next_need = capabilities[1]) as l
            group by l.next_need
        ) as n
        cross join lateral (
            select
                pg_snapshot_xmin(pg_current_snapshot()) >= v_old.seen_by or coalesce(v_old.seen_by = v_over, false) as proven,
                -- an id that this server has not come to: the pair was noted on another one, before a restore
                v_old.seen_by >= pg_snapshot_xmax(pg_current_snapshot()) and v_old.seen_by is distinct from pg_current_xact_id_if_assigned() as foreign_id
        ) as s
        cross join lateral (
            select
                array_agg(
                    case
                        when s.proven then least(
                            v_old.seen_number + 1,
                            (
                                select j.number
                                from ready as j
                                where hashtextextended(j.next_need, j.priority::bigint) = hashtextextended(n.next_need, o.priority::bigint)
                                    and j.next_need = n.next_need and j.priority = o.priority
                                    and j.number between o.number and v_old.seen_number
                                order by j.number
                                limit 1
                            )
                        )
                        else o.number
                    end
                    order by o.priority
                ) as numbers
            from (
                select p.priority, coalesce(v_old.numbers[array_position(v_old.priorities, p.priority)], 0) as number
                from unnest(n.priorities) as p (priority)
            ) as o
        ) as c
        where (
                v_opened <> '{}' and not v_isolated
                or v_old.fence + 50 < v_fence or not (v_old.noted_at between _advance_watermarks.now - interval '20 ms' and _advance_watermarks.now)
            )
            -- an idle need writes nothing
            and (v_opened <> '{}' and not v_isolated or n.priorities <> v_old.priorities or n.keyed <> v_old.keyed or c.numbers <> v_old.numbers
                or v_old.seen_number <> v_seen or v_old.fence + 50 < v_fence
                or not v_isolated and (v_old.max_lease, v_old.max_attempts) is distinct from (v_lease, v_attempts));
        exit when v_moved.next_need is null;
        v_id := pg_current_xact_id();
        v_mark_id := nextval('watermark_watermark_id_seq');
        if v_mark_id < v_below then
            perform _raise_sequence_lags('watermark_watermark_id_seq');
        end if;
        -- Looked at again now that its place is drawn: if a lane was opened meanwhile, or somebody else has moved the marks, it starts anew. So whatever comes
        -- after a move that knew of a lane knows of it, too.
        insert into watermark (watermark_id, next_need, priorities, numbers, keyed, seen_number, seen_by, noted_at, fence, max_lease, max_attempts)
        overriding system value
        select
            v_mark_id, v_moved.next_need, v_moved.priorities, v_moved.numbers, v_moved.keyed, v_moved.seen_number, coalesce(v_moved.seen_by, v_id),
            v_moved.noted_at, v_moved.fence, v_moved.max_lease, v_moved.max_attempts
        where not exists (
            select from watermark as k where k.next_need = capabilities[1] and k.watermark_id > v_below and k.watermark_id <> all (v_opened)
        );
        if found then
            if v_opened <> '{}' and not v_isolated then
                delete from watermark as k
                where k.next_need = capabilities[1] and k.watermark_id = any (
                    array(select o.watermark_id from watermark as o where o.next_need = capabilities[1] and o.watermark_id = any (v_opened) for update skip locked)
                );
            end if;
            -- every hundredth row or so
            if v_mark_id % 100 = 0 then
                delete from watermark as k
                where (k.next_need, k.watermark_id) in (
                    select o.next_need, o.watermark_id
                    from watermark as o
                    where o.next_need = capabilities[1] and o.watermark_id < v_top and o.noted_at < _advance_watermarks.now - interval '1 minute'
                        and exists (
                            select from watermark as n
                            where n.next_need = o.next_need and n.watermark_id > o.watermark_id and n.watermark_id < v_top
                                and n.noted_at < _advance_watermarks.now - interval '1 minute'
                        )
                    for update skip locked
                );
            end if;
            return;
        end if;
    end loop;
end
$_advance_watermarks$;

comment on function _advance_watermarks(text[], timestamptz, bigint) is
    'Moves the low-water marks of a need up to the first ready number that can be seen, no further than what is proven to be all there will be. At most '
    'fifty times a second a need, or once in fifty claims; waits for nobody. Above READ COMMITTED the snapshot may be old, and the mark lower: never too '
    'high; claims do not go by such marks, which may lack a lane. Of capabilities that are more than one need it moves the front.';
