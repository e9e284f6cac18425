create or replace function _rebuild_lane_cache(
    scope text, capabilities text[], wide integer, now timestamptz, queue_position bigint default null
)
returns lane_cache
language plpgsql
volatile
as $_rebuild_lane_cache$
declare
    -- jobs of a lookahead: _store_lookahead
    v_ahead     constant integer := 64;
    -- lanes of a lane cache: _store_lane_cache
    v_size      constant integer := 192;
    v_alone     constant boolean := _may_rebuild_lane_cache(scope, now);
    v_position  constant bigint := coalesce(queue_position, _queue_position());
    v_read      _lane_cache_reading;
    v_old       lane_cache;
    v_new       lane_cache;
    v_known     boolean;
    v_all       boolean;
    v_full      boolean;
    v_opened    bigint[] := array[]::bigint[];
begin
    v_read := _read_lane_cache(scope, v_alone);
    v_old := v_read.cache;
    v_known := coalesce(v_old.newer = v_read.newer, false);
    -- The sequence is read after the lane cache, which cannot know of a number that was not drawn.
    if v_old.seen_number > coalesce(v_position, 0)
        and v_old.seen_number > coalesce(pg_sequence_last_value('number_seq'), 0)
    then
        perform _raise_sequence_lags('number_seq');
    end if;
    -- It is enough that one session at a time rebuilds the lane cache of a scope. The others go by the old one
    -- meanwhile.
    if v_known and (not v_alone or wide = 0 and _lookahead_fresh(v_old.noted_at, v_old.surveyed_at, now)) then
        return v_old;
    end if;
    v_new := _start_lane_cache(v_old, scope, v_read.proven, v_read.unknown_id, v_read.newer, v_position, wide, now);

    -- Lanes that were opened since are added to the others, which does not depend on how many there are. All lanes,
    -- without those that were removed meanwhile, are looked up only now and then; the more there are, the more rarely.
    v_all := v_old.needs is null
        or wide = 0 and v_alone and not (
            v_old.made_at between now - greatest(interval '1 minute', v_old.lanes * interval '2 ms') and now
        );
    if not v_known and not v_all then
        v_opened := array(select n.number from unnest(v_read.newer) as n (number) where n.number <> all (v_old.newer));
        -- If many lanes of other scopes were opened, they are not looked at one by one.
        if cardinality(v_opened) > 10 + v_old.lanes / 10 then
            v_all := true;
            v_opened := '{}';
        end if;
    end if;
    if v_opened <> '{}' then
        v_new := _add_opened_lanes(v_new, v_opened, capabilities);
    end if;
    -- With a fixed snapshot, a rest that can be seen may be gone.
    v_full := v_all or _snapshot_is_fixed() or wide > v_size and v_old.rest_number <= v_new.sure_number
        -- Too many lanes were opened since, which are only in the lane cache: few are allowed if there are few others.
        or cardinality(v_new.needs) > greatest(2 * v_size, 4 * sqrt(v_new.lanes))
        -- If two sessions have rebuilt the lane cache at once, the rest may be gone.
        or v_old.rest_id is not null and not exists (
            select from lane_cache_rest as r where r.scope = _rebuild_lane_cache.scope and r.rest_id = v_old.rest_id
        );
    loop
        if v_full and v_new.rest_id is not null then
            v_new := _merge_lane_cache_rest(v_new);
            -- it is still there if the rest was gone
            v_all := v_all or v_new.rest_id is not null;
        end if;
        if v_all then
            v_new := _list_lanes(v_new, capabilities, now);
        end if;
        if v_full then
            v_new.lanes := coalesce(cardinality(v_new.needs), 0);
        end if;
        v_new := _advance_lane_cache(v_new, greatest(wide, 12 + least(cardinality(v_opened), 200)));
        -- If few lanes come before the rest, the rest is merged in.
        exit when v_full or wide = 0 or v_new.rest_id is null or v_new.rest_number > v_new.sure_number
            or (v_new.priorities[v_ahead], v_new.numbers[v_ahead]) < (v_new.rest_priority, v_new.rest_number);
        v_full := true;
    end loop;

    if not v_alone
        -- an idle scope writes nothing
        or v_known and not v_all and v_new.numbers = v_old.numbers and v_new.needs = v_old.needs
            and v_new.seen_number = v_old.seen_number and v_new.sure_number = v_old.sure_number
    then
        return v_new;
    end if;
    return _store_lane_cache(v_new, v_full, v_old.cache_id, v_size, v_ahead, now);
end
$_rebuild_lane_cache$;

comment on function _rebuild_lane_cache(text, text[], integer, timestamptz, bigint) is
    'Returns the lanes of a scope that can hold the next jobs, with their watermarks advanced as _next_watermark does '
    'it, and records them in lane_cache, together with those next jobs in lookahead, as far as they are certain. '
    'Records nothing while another session does so, or if the scope is idle. wide: how many lanes to look at, after '
    'fewer were not enough; 0 if only time has passed. queue_position: _queue_position(), read before this '
    'transaction took an id. Locks: the advisory lock of the scope, which is only tried. Raises LH009 if a sequence '
    'lags behind.';
