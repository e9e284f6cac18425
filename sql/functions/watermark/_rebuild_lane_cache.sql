create or replace function _rebuild_lane_cache(scope text, capabilities text[], wide integer, now timestamptz, seen bigint default null)
returns lane_cache
language plpgsql
volatile
as $_rebuild_lane_cache$
declare
    v_size      constant integer := 192;
    v_added     bigint[] := array[]::bigint[];
    v_anew      boolean;
    v_lookahead constant integer := 64;
    v_alone     boolean := pg_try_advisory_xact_lock(_advisory_lock_key('lane_cache', scope));
    v_seen      constant bigint := coalesce(seen, _queue_position());
    v_proven    boolean;
    v_foreign   boolean;
    v_newer     bigint[];
    v_old       lane_cache;
    v_new       lane_cache;
    v_rest      lane_cache_rest;
    v_known     boolean;
    v_full      boolean;
    v_upto      bigint;
    v_over      xid8;
    v_gone      text[];
begin
    -- one who idles in its transaction must not keep the front where it is
    if not v_alone then
        v_alone := (
            select k.noted_at between _rebuild_lane_cache.now - interval '1 s' and _rebuild_lane_cache.now + interval '1 s'
            from lane_cache as k
            where k.scope = _rebuild_lane_cache.scope
            order by k.cache_id desc
            limit 1
        ) is not true;
    end if;
    -- somebody's long transaction, which may have nothing to do with jobs
    if v_alone and not _snapshot_is_fixed() then
        select f.seen_by into v_over
        from (select k.seen_by from lane_cache as k where k.scope = _rebuild_lane_cache.scope order by k.cache_id desc limit 1) as f
        where f.seen_by > pg_snapshot_xmin(pg_current_snapshot()) and f.seen_by < pg_snapshot_xmax(pg_current_snapshot());
        if v_over is not null and not _no_older_writers(v_over) then
            v_over := null;
        end if;
    end if;
    -- one statement: the lanes that it sees and what is proven by then belong together
    select
        f.needs, f.priorities, f.numbers, f.rest_id, f.rest_priority, f.rest_number, f.sure_number, f.newer, f.seen_number, f.seen_by, f.noted_at,
        f.surveyed_at, f.lanes, f.made_at, f.cache_id,
        coalesce(pg_snapshot_xmin(pg_current_snapshot()) >= f.seen_by or f.seen_by = v_over, false) as proven,
        -- an id that this server has not come to: the pair was noted on another one, before a restore
        f.seen_by >= pg_snapshot_xmax(pg_current_snapshot()) and f.seen_by is distinct from pg_current_xact_id_if_assigned() as foreign_id,
        array(select l.number from lane as l where l.number > coalesce(f.sure_number, 0) order by l.number) as newer
    into
        v_old.needs, v_old.priorities, v_old.numbers, v_old.rest_id, v_old.rest_priority, v_old.rest_number, v_old.sure_number, v_old.newer,
        v_old.seen_number, v_old.seen_by, v_old.noted_at, v_old.surveyed_at, v_old.lanes, v_old.made_at, v_old.cache_id, v_proven, v_foreign, v_newer
    from (select) as one
    left join lateral (select k.* from lane_cache as k where k.scope = _rebuild_lane_cache.scope order by k.cache_id desc limit 1) as f on true;
    v_known := coalesce(v_old.newer = v_newer, false);
    -- read after the front, which cannot know of a number that was not drawn
    if v_old.seen_number > coalesce(v_seen, 0) and v_old.seen_number > coalesce(pg_sequence_last_value('number_seq'), 0) then
        perform _raise_sequence_lags('number_seq');
    end if;
    -- one mover of a scope at a time is enough; the others claim from the old front meanwhile
    if v_known and (not v_alone or wide = 0 and _lookahead_fresh(v_old.noted_at, v_old.surveyed_at, now)) then
        return v_old;
    end if;
    v_new := v_old;
    v_new.scope := scope;
    v_new.noted_at := now;
    v_new.surveyed_at := case when wide = 0 then now else coalesce(v_old.surveyed_at, '-infinity') end;
    v_new.sure_number := case when v_proven then v_old.seen_number else coalesce(v_old.sure_number, 0) end;
    v_new.newer := array(select n.number from unnest(v_newer) as n (number) where n.number > v_new.sure_number order by n.number);
    -- a pair is kept until it has come true
    if v_seen is not null and (v_proven or v_foreign or v_old.seen_by is null) then
        v_new.seen_number := v_seen;
        v_new.seen_by := null;
    end if;

    -- Lanes that were opened since join the others, whose number does not matter to that. All lanes there are, without those that were removed meanwhile,
    -- are looked up only now and then: the more there are, the more rarely.
    v_anew := v_old.needs is null
        or wide = 0 and v_alone and not (
            v_old.made_at between _rebuild_lane_cache.now - greatest(interval '1 minute', v_old.lanes * interval '2 ms') and _rebuild_lane_cache.now
        );
    if not v_known and not v_anew then
        v_added := array(select n.number from unnest(v_newer) as n (number) where n.number <> all (v_old.newer));
        -- many of others are no reason to look at each
        if cardinality(v_added) > 10 + v_old.lanes / 10 then
            v_anew := true;
            v_added := '{}';
        end if;
    end if;
    if v_added <> '{}' then
        select
            coalesce(array_agg(l.next_need), '{}') || v_new.needs, coalesce(array_agg(l.priority), '{}') || v_new.priorities,
            array_fill(0::bigint, array[count(*)::integer]) || v_new.numbers, v_new.lanes + count(*)
        into v_new.needs, v_new.priorities, v_new.numbers, v_new.lanes
        from (
            select distinct k.next_need, greatest(k.priority, -1 - k.priority)::smallint as priority
            from lane as k
            where k.number = any (v_added) and exists (select from unnest(capabilities) as c (capability) where _capability_matches(c.capability, k.next_need))
        ) as l
        where not exists (
            select from unnest(v_new.needs, v_new.priorities) as o (next_need, priority) where o.next_need = l.next_need and o.priority = l.priority
        );
    end if;
    -- above READ COMMITTED the rear that can be seen may be gone
    v_full := v_anew or _snapshot_is_fixed() or wide > v_size and v_old.rest_number <= v_new.sure_number
        -- too many were opened since, which are in the front alone: few as long as there are few others
        or cardinality(v_new.needs) > greatest(2 * v_size, 4 * sqrt(v_new.lanes))
        -- where two have moved the front at once the rear may be gone
        or v_old.rest_id is not null
            and not exists (select from lane_cache_rest as r where r.scope = _rebuild_lane_cache.scope and r.rest_id = v_old.rest_id);
    loop
        if v_full and v_new.rest_id is not null then
            select r.* into v_rest from lane_cache_rest as r where r.scope = _rebuild_lane_cache.scope and r.rest_id = v_new.rest_id;
            v_anew := v_anew or v_rest.rest_id is null;
            select v_new.needs || array_agg(r.next_need), v_new.priorities || array_agg(r.priority), v_new.numbers || array_agg(r.number)
            into v_new.needs, v_new.priorities, v_new.numbers
            from unnest(v_rest.needs, v_rest.priorities, v_rest.numbers) as r (next_need, priority, number)
            where (r.next_need, r.priority) not in (
                select o.next_need, o.priority from unnest(v_new.needs, v_new.priorities) as o (next_need, priority)
            );
            v_new.rest_id := null;
            v_new.rest_priority := null;
            v_new.rest_number := null;
        end if;
        if v_anew then
            -- all lanes there are, each with the mark it had
            select array_agg(l.next_need), array_agg(l.priority), array_agg(coalesce(o.number, 0))
            into v_new.needs, v_new.priorities, v_new.numbers
            from (
                select distinct k.next_need, greatest(k.priority, -1 - k.priority)::smallint as priority
                from lane as k
                where k.next_need = any (_matching_needs(capabilities))
            ) as l
            left join unnest(v_new.needs, v_new.priorities, v_new.numbers) as o (next_need, priority, number)
                on o.next_need = l.next_need and o.priority = l.priority;
            v_new.made_at := now;
        end if;
        if v_full then
            v_new.lanes := coalesce(cardinality(v_new.needs), 0);
        end if;
        -- the marks of the first, by a look; then the order of all that are here
        select
            coalesce(array_agg(m.next_need), '{}'), coalesce(array_agg(m.priority), '{}'), coalesce(array_agg(m.number), '{}')
        into v_new.needs, v_new.priorities, v_new.numbers
        from (
            select
                l.next_need, l.priority,
                case
                    when l.place > greatest(wide, 12 + least(cardinality(v_added), 200)) or l.number > v_new.sure_number then l.number
                    else least(
                        v_new.sure_number + 1,
                        (
                            select j.number
                            from ready as j
                            where hashtextextended(j.next_need, j.priority::bigint) = hashtextextended(l.next_need, l.priority::bigint)
                                and j.next_need = l.next_need and j.priority = l.priority
                                and j.number between l.number and v_new.sure_number
                            order by j.number
                            limit 1
                        )
                    )
                end as number
            from unnest(v_new.needs, v_new.priorities, v_new.numbers) with ordinality as l (next_need, priority, number, place)
            order by 2, 3
        ) as m;
        -- few that come before the rear: the front is made up anew
        exit when v_full or wide = 0 or v_new.rest_id is null or v_new.rest_number > v_new.sure_number
            or (v_new.priorities[v_lookahead], v_new.numbers[v_lookahead]) < (v_new.rest_priority, v_new.rest_number);
        v_full := true;
    end loop;

    if not v_alone
        -- an idle scope writes nothing
        or v_known and not v_anew and v_new.numbers = v_old.numbers and v_new.needs = v_old.needs
            and v_new.seen_number = v_old.seen_number and v_new.sure_number = v_old.sure_number
    then
        return v_new;
    end if;
    if cardinality(v_new.needs) > v_size and v_full then
        insert into lane_cache_rest as r (scope, needs, priorities, numbers)
        values (_rebuild_lane_cache.scope, v_new.needs[v_size + 1 :], v_new.priorities[v_size + 1 :], v_new.numbers[v_size + 1 :])
        returning r.rest_id, r.priorities[1], r.numbers[1] into v_new.rest_id, v_new.rest_priority, v_new.rest_number;
        v_new.needs := v_new.needs[: v_size];
        v_new.priorities := v_new.priorities[: v_size];
        v_new.numbers := v_new.numbers[: v_size];
    end if;
    insert into lane_cache (
        scope, needs, priorities, numbers, rest_id, rest_priority, rest_number, sure_number, newer, seen_number, seen_by, noted_at,
        surveyed_at, lanes, made_at
    ) values (
        v_new.scope, v_new.needs, v_new.priorities, v_new.numbers, v_new.rest_id, v_new.rest_priority, v_new.rest_number,
        v_new.sure_number, v_new.newer, coalesce(v_new.seen_number, 0),
        coalesce(v_new.seen_by, case when v_new.seen_number is null then '0' else pg_current_xact_id() end), v_new.noted_at, v_new.surveyed_at,
        v_new.lanes, v_new.made_at
    )
    returning cache_id into v_new.cache_id;
    if v_new.cache_id < v_old.cache_id then
        perform _raise_sequence_lags('lane_cache_cache_id_seq');
    end if;
    -- the first of all, as far as nothing can be missing: everything that is numbered so can be seen, and no lane that is not looked at comes before
    v_upto := least(
        v_new.sure_number,
        case v_new.priorities[v_lookahead + 1] when v_new.priorities[1] then v_new.numbers[v_lookahead + 1] end,
        case v_new.rest_priority when v_new.priorities[1] then v_new.rest_number end
    );
    insert into lookahead (scope, places, numbers, sure_number, newer, noted_at, surveyed_at)
    select
        _rebuild_lane_cache.scope, array_agg(f.place order by f.number), array_agg(f.number order by f.number), v_new.sure_number, v_new.newer, v_new.noted_at,
        v_new.surveyed_at
    from (
        select j.place, j.number
        from unnest(v_new.needs[: v_lookahead], v_new.priorities[: v_lookahead], v_new.numbers[: v_lookahead]) as l (next_need, priority, number)
        cross join lateral (
            select r.ctid as place, r.number
            from ready as r
            where hashtextextended(r.next_need, r.priority::bigint) = hashtextextended(l.next_need, l.priority::bigint)
                and r.next_need = l.next_need and r.priority = l.priority
                and r.number between l.number and v_upto
            order by r.number
            limit v_lookahead
        ) as j
        where l.priority = v_new.priorities[1] and l.number <= v_upto
        order by j.number
        limit v_lookahead
    ) as f
    having count(*) > 0;
    if v_new.cache_id % 100 = 0 and not _snapshot_is_fixed() then
        delete from lane_cache as f where f.scope = _rebuild_lane_cache.scope and f.cache_id < v_new.cache_id;
        delete from lookahead as a
        where a.scope = _rebuild_lane_cache.scope
            and a.lookahead_id < (select n.lookahead_id from lookahead as n where n.scope = _rebuild_lane_cache.scope order by n.lookahead_id desc limit 1);
        delete from lane_cache_rest as r where r.scope = _rebuild_lane_cache.scope and r.rest_id is distinct from v_new.rest_id;
    end if;
    if v_new.cache_id % 10000 = 0 and not _snapshot_is_fixed() then
        -- scopes that nobody asks for any more; not too many at once, for locks are in memory of a fixed size
        v_gone := array(
            select o.scope
            from (select distinct f.scope from lane_cache as f where f.noted_at < _rebuild_lane_cache.now - interval '1 day' limit 100) as o
            where pg_try_advisory_xact_lock(_advisory_lock_key('lane_cache', o.scope))
        );
        -- that some were forgotten, and when, is noted under a scope of no name (_unclaimed_since)
        with gone as (
            delete from lane_cache as f where f.scope = any (v_gone) and f.noted_at < _rebuild_lane_cache.now - interval '1 day'
            returning 1
        )
        insert into lane_cache (scope, needs, priorities, numbers, sure_number, newer, seen_number, seen_by, noted_at, surveyed_at, lanes, made_at)
        select '', '{}', '{}', '{}', 0, '{}', 0, '0', _rebuild_lane_cache.now, _rebuild_lane_cache.now, 0, _rebuild_lane_cache.now
        from (select from gone limit 1) as g;
        delete from lookahead as a where a.scope = any (v_gone) and a.noted_at < _rebuild_lane_cache.now - interval '1 day';
        delete from lane_cache_rest as r where r.scope = any (v_gone) and not exists (select from lane_cache as f where f.scope = r.scope);
    end if;
    return v_new;
end
$_rebuild_lane_cache$;

comment on function _rebuild_lane_cache(text, text[], integer, timestamptz, bigint) is
    'Notes which lanes of a scope can hold the next jobs, their marks moved up as _advance_watermarks does it, and returns that; and which jobs these are, as far as '
    'that is certain. Without noting it where somebody else is at it. wide: how many lanes to look at, as many as were found too few; 0 where it is only '
    'time. seen: as for _advance_watermarks. Waits for nobody.';
