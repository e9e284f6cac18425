create or replace function _oldest_snapshot()
returns xid8
language plpgsql
volatile
as $_oldest_snapshot$
declare
    v_now   constant timestamptz := _now();
    v_next  bigint;
begin
    -- Snapshots must be read before this transaction takes an id. In the opposite order the two prove nothing.
    if pg_current_xact_id_if_assigned() is not null
        or not exists (select from lane as l where l.retire_at <= v_now)
    then
        return null;
    end if;
    -- Otherwise this transaction might be shown again what it read before.
    perform pg_stat_clear_snapshot();
    v_next := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
    return (
        -- backend_xmin shows 32 bits. The full id is the one nearest to the next id.
        select
            min(v_next - ((v_next - a.backend_xmin::text::bigint + 2147483648) % 4294967296 - 2147483648))::text::xid8
        from pg_stat_activity as a
        where a.datname = current_database() and a.backend_xmin is not null
    );
end
$_oldest_snapshot$;

comment on function _oldest_snapshot() is
    'Every session of this database sees what transactions with a smaller id than this have done: none has an older '
    'snapshot. Null if this transaction already has an id, or if no lane is due (_retire_lanes). pg_snapshot_xmin '
    'would not show the snapshot of a REPEATABLE READ transaction that has no id yet.';
