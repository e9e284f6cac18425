create or replace function _refresh_watermark(need text, now timestamptz)
returns boolean
language plpgsql
volatile
as $_refresh_watermark$
declare
    v_fresh         boolean;
    v_seen          bigint;
    v_maintained    boolean;
begin
    select k.noted_at between _refresh_watermark.now - interval '20 ms' and _refresh_watermark.now and k.fence + 50 >= pg_sequence_last_value('fence_seq') into v_fresh
    from watermark as k
    where k.next_need = need
        -- above READ COMMITTED claims read the lanes themselves, and a move cannot remove what a lane that was opened has left
        and k.watermark_id < case when _snapshot_is_fixed() then 4611686018427387904 else 9223372036854775807 end
    order by k.watermark_id desc
    limit 1;
    if v_fresh then
        return false;
    end if;
    -- while this transaction has no id of its own: notes and marks want that (_run_deferred, _advance_watermarks)
    v_seen := _queue_position();
    v_maintained := _maybe_run_maintenance(now);
    perform _advance_watermarks(array[need], now, v_seen);
    return v_maintained;
end
$_refresh_watermark$;

comment on function _refresh_watermark(text, timestamptz) is
    'What is to be done where marks of a need are not fresh: the upkeep that is due, and moving them. Whether upkeep was done.';
