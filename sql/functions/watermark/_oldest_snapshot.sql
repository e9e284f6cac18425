create or replace function _oldest_snapshot()
returns xid8
language plpgsql
volatile
as $_oldest_snapshot$
declare
    v_now   constant timestamptz := _now();
    v_next  bigint;
begin
    -- the look first, the transaction id after it: the other way round the pair proves nothing
    if pg_current_xact_id_if_assigned() is not null or not exists (select from lane as l where l.retire_at <= v_now) then
        return null;
    end if;
    -- what this transaction read of it before would be read again
    perform pg_stat_clear_snapshot();
    v_next := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
    return (
        -- of the 32 bits that are shown, the id nearest to the next one
        select min(v_next - ((v_next - a.backend_xmin::text::bigint + 2147483648) % 4294967296 - 2147483648))::text::xid8
        from pg_stat_activity as a
        where a.datname = current_database() and a.backend_xmin is not null
    );
end
$_oldest_snapshot$;

comment on function _oldest_snapshot() is
    'Everybody in this database has seen what transactions with an id below this one have done: nobody has an older snapshot. Null in a transaction that has '
    'an id already, and where no lane is due (_retire_lanes). pg_snapshot_xmin would not tell of snapshots of REPEATABLE READ whose owner has no id yet.';
