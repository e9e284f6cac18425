create or replace function _channel_known_to_all(channel text, until timestamptz)
returns boolean
language plpgsql
volatile
as $_channel_known_to_all$
declare
    v_id        constant bigint := pg_current_xact_id()::text::bigint;
    v_written   bigint;
begin
    select l.written_by::text::bigint into v_written
    from listener as l
    where l.channel = _channel_known_to_all.channel and l.known_until >= _channel_known_to_all.until
        and l.written_by < pg_snapshot_xmax(pg_current_snapshot())
    order by l.known_until
    limit 1;
    if v_written is null then
        return false;
    end if;
    -- reads the activity as it is now, not as this transaction may have read it before
    perform pg_stat_clear_snapshot();
    return not exists (
        select from pg_stat_get_activity(null) as a
        where a.datid = (select d.oid from pg_database as d where d.datname = current_database())
            and a.pid <> pg_backend_pid()
            -- The view shows 32 bits of an id. A snapshot counts if it is as many ids old as the row, or more.
            and (v_id % 4294967296 - a.backend_xmin::text::bigint + 4294967296) % 4294967296
            between v_id - v_written and 2147483647
    );
end
$_channel_known_to_all$;

comment on function _channel_known_to_all(text, timestamptz) is
    'Whether the row of listener by which this channel is known until then is visible to every transaction of this '
    'database, open or future: no open snapshot is as old as the row. A transaction with a fixed snapshot notifies the '
    'channel because of that row.';
