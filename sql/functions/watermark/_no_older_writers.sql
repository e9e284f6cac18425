create or replace function _no_older_writers(id xid8)
returns boolean
language plpgsql
volatile
as $_no_older_writers$
begin
    -- who drew a number or wrote a job took his id first, and holds the lock until he can be seen
    return not exists (
        with held as materialized (
            select l.locktype, l.virtualtransaction, l.database, l.relation, l.transactionid, l.mode
            from pg_locks as l
            where l.granted and l.locktype in ('relation', 'transactionid')
        )
        select from held as w
        join held as t on t.virtualtransaction = w.virtualtransaction
        where w.relation in ('number_seq'::regclass, 'job'::regclass, 'ready'::regclass, 'leased'::regclass) and w.mode not in ('AccessShareLock', 'RowShareLock')
            and w.database = (select d.oid from pg_database as d where d.datname = current_database())
            and t.locktype = 'transactionid' and t.mode = 'ExclusiveLock'
            -- the 32 bits that a lock shows, counted backwards from the id
            and ((id::text::numeric % 4294967296)::bigint - t.transactionid::text::bigint + 4294967296) % 4294967296 between 1 and 2147483647
    );
end
$_no_older_writers$;

comment on function _no_older_writers(xid8) is
    'Whether no transaction older than this id is open that has drawn a queue number or written a job, whatever else is open: a long transaction of '
    'somebody''s own, say. A statement that begins after this one sees all that those before have written. Reads all locks of the server: a fraction of '
    'a millisecond, for who finds that pg_snapshot_xmin tells him nothing.';
