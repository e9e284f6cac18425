create or replace function _refresh_watermark(need text, now timestamptz)
returns boolean
language plpgsql
volatile
as $_refresh_watermark$
declare
    v_fresh         boolean;
    v_position      bigint;
    v_maintained    boolean;
begin
    select
        _is_recent(k.noted_at, _refresh_watermark.now)
        and _few_claims_between(k.fence, pg_sequence_last_value('fence_seq'))
    into v_fresh
    from watermark as k
    where k.next_need = need
        -- With a fixed snapshot, claims read the lanes themselves, and _advance_watermarks cannot remove what the
        -- opening of a lane has left.
        and k.watermark_id < case when _snapshot_is_fixed() then _first_invalidation_id() else 9223372036854775807 end
    order by k.watermark_id desc
    limit 1;
    if v_fresh then
        return false;
    end if;
    -- This transaction must not have an id yet: deferred items and watermarks depend on it (_run_deferred,
    -- _advance_watermarks).
    v_position := _queue_position();
    v_maintained := _maybe_run_maintenance(now);
    perform _advance_watermarks(need, now, v_position);
    return v_maintained;
end
$_refresh_watermark$;

comment on function _refresh_watermark(text, timestamptz) is
    'Runs due maintenance and advances the watermarks of a need, unless they are fresh. Returns whether maintenance '
    'ran.';
