create or replace function _no_older_writers(id xid8)
returns boolean
language plpgsql
volatile
as $_no_older_writers$
begin
    -- A transaction takes its id before it draws a number or writes a job, and holds the lock until its work is
    -- visible.
    return not exists (
        with held as materialized (
            select l.locktype, l.virtualtransaction, l.database, l.relation, l.transactionid, l.mode
            from pg_locks as l
            where l.granted and l.locktype in ('relation', 'transactionid')
        )
        select from held as w
        join held as t on t.virtualtransaction = w.virtualtransaction
        where w.relation in ('number_seq'::regclass, 'job'::regclass, 'ready'::regclass, 'leased'::regclass)
            and w.mode not in ('AccessShareLock', 'RowShareLock')
            and w.database = (select d.oid from pg_database as d where d.datname = current_database())
            and t.locktype = 'transactionid' and t.mode = 'ExclusiveLock'
            -- A lock shows 32 bits of the id. They are counted backwards from the given id.
            and ((id::text::numeric % 4294967296)::bigint - t.transactionid::text::bigint + 4294967296) % 4294967296
                between 1 and 2147483647
    );
end
$_no_older_writers$;

comment on function _no_older_writers(xid8) is
    'Whether every transaction older than this id that has drawn a queue number or written a job has ended, whatever '
    'else is open, for example a long transaction that has nothing to do with jobs. A statement that begins after '
    'this one then sees everything that they wrote. It reads all locks of the server, which takes a fraction of a '
    'millisecond. It is for callers that _horizon_passed tells nothing.';
