create or replace function _store_watermark(
    new_watermark watermark, last_id bigint, invalid_ids bigint[], now timestamptz
)
returns boolean
language plpgsql
volatile
as $_store_watermark$
declare
    v_need          constant text := new_watermark.next_need;
    v_xact_id       constant xid8 := pg_current_xact_id();
    v_watermark_id  bigint;
begin
    v_watermark_id := nextval('watermark_watermark_id_seq');
    if v_watermark_id < last_id then
        perform _raise_sequence_lags('watermark_watermark_id_seq');
    end if;
    -- This looks again after the id of the row was drawn. If a lane was opened meanwhile, or another session has
    -- advanced the watermarks, nothing is written. Every row after one that knows of a lane therefore knows of it, too.
    insert into watermark (
        watermark_id, next_need, priorities, numbers, keyed, seen_number, seen_by, noted_at, fence, max_lease,
        max_attempts
    )
    overriding system value
    select
        v_watermark_id, v_need, new_watermark.priorities, new_watermark.numbers, new_watermark.keyed,
        new_watermark.seen_number, coalesce(new_watermark.seen_by, v_xact_id), new_watermark.noted_at,
        new_watermark.fence, new_watermark.max_lease, new_watermark.max_attempts
    where not exists (
        select from watermark as k
        where k.next_need = v_need and k.watermark_id > last_id and k.watermark_id <> all (invalid_ids)
    );
    if not found then
        return false;
    end if;
    if invalid_ids <> '{}' and not _snapshot_is_fixed() then
        delete from watermark as k
        where k.next_need = v_need
            and k.watermark_id = any (
                array(
                    select o.watermark_id
                    from watermark as o
                    where o.next_need = v_need and o.watermark_id = any (invalid_ids)
                    for update skip locked
                )
            );
    end if;
    -- about every hundredth row
    if v_watermark_id % 100 = 0 then
        delete from watermark as k
        where (k.next_need, k.watermark_id) in (
            select o.next_need, o.watermark_id
            from watermark as o
            where o.next_need = v_need and o.watermark_id < _first_invalidation_id()
                and o.noted_at < _store_watermark.now - interval '1 minute'
                and exists (
                    select from watermark as n
                    where n.next_need = o.next_need
                        and n.watermark_id > o.watermark_id and n.watermark_id < _first_invalidation_id()
                        and n.noted_at < _store_watermark.now - interval '1 minute'
                )
            for update skip locked
        );
    end if;
    return true;
end
$_store_watermark$;

comment on function _store_watermark(watermark, bigint, bigint[], timestamptz) is
    'Writes the watermarks of _next_watermark, and removes the rows that invalidated the old ones (invalid_ids) and, '
    'now and then, those that are superseded. False, and nothing is written, if rows came after last_id that the '
    'caller has not seen; it must begin anew. Locks: rows that it removes, skipping locked rows. Raises LH009 if the '
    'sequence of the ids lags behind.';
