create or replace function _advance_watermarks(need text, now timestamptz, queue_position bigint default null)
returns void
language plpgsql
volatile
as $_advance_watermarks$
declare
    v_position      constant bigint := coalesce(queue_position, _queue_position());
    v_fixed         constant boolean := _snapshot_is_fixed();
    v_alone         constant boolean := pg_try_advisory_xact_lock(_advisory_lock_key('watermark', need));
    v_old           watermark;
    v_advanced      watermark;
    v_new           watermark;
    v_last_id       bigint;
    v_invalid_ids   bigint[];
    v_fence         bigint;
begin
    for v_try in 1 .. 3 loop
        select k.* into v_old
        from watermark as k
        where k.next_need = need
        order by k.watermark_id desc
        limit 1;
        v_last_id := coalesce(v_old.watermark_id, 0);
        v_invalid_ids := '{}';
        if v_old.watermark_id >= _first_invalidation_id() then
            -- These rows are read before the lanes and the settings, which therefore show what the rows tell of.
            v_invalid_ids := array(
                select k.watermark_id
                from watermark as k
                where k.next_need = need and k.watermark_id >= _first_invalidation_id()
            );
            select k.* into v_advanced
            from watermark as k
            where k.next_need = need and k.watermark_id < _first_invalidation_id()
            order by k.watermark_id desc
            limit 1;
            v_last_id := coalesce(v_advanced.watermark_id, 0);
            if v_advanced.watermark_id is not null then
                v_old := v_advanced;
            end if;
        end if;
        -- It is enough that one session at a time advances the watermarks of a need. The others go by the old ones
        -- meanwhile. But a session that idles in its transaction must not keep the others from advancing them.
        if not v_alone and v_old.noted_at between now - interval '1 s' and now + interval '1 s' then
            return;
        end if;
        -- The sequences are read after the watermarks, which cannot know of a number that was not drawn.
        select s.last_value into v_fence from fence_seq as s;
        if v_old.fence > v_fence then
            perform _raise_sequence_lags('fence_seq');
        elsif v_old.seen_number > coalesce(v_position, 0)
            and v_old.seen_number > coalesce(pg_sequence_last_value('number_seq'), 0)
        then
            perform _raise_sequence_lags('number_seq');
        end if;
        v_new := _next_watermark(v_old, need, v_position, v_fence, v_invalid_ids <> '{}' and not v_fixed, now);
        exit when v_new.next_need is null;
        exit when _store_watermark(v_new, v_last_id, v_invalid_ids, now);
    end loop;
end
$_advance_watermarks$;

comment on function _advance_watermarks(text, timestamptz, bigint) is
    'Advances the watermarks of a need to the first ready number that can be seen, but no further than is proven to '
    'be complete (_next_watermark). At most fifty times a second for a need, or once in fifty claims. queue_position: '
    '_queue_position(), read before this transaction took an id. Locks: the advisory lock of the need, which is only '
    'tried; watermarks that it removes, skipping locked rows. With a fixed snapshot the watermarks may be lower than '
    'possible, but never too high; claims do not go by them, because they may lack a lane. Raises LH009 if a sequence '
    'lags behind.';
