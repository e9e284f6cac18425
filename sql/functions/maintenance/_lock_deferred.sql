create or replace function _lock_deferred(limit_rows integer, now timestamptz, among bigint[])
returns bigint[]
language plpgsql
volatile
as $_lock_deferred$
begin
    return (
        select array_agg(d.deferred_id order by d.due_at, d.deferred_id)
        from (
            select n.deferred_id, n.due_at
            from deferred as n
            where n.due_at <= _lock_deferred.now
                -- What this transaction wrote is not visible to others yet, and these could end or free jobs meanwhile.
                and (n.kind = 'ended' or n.written_by is distinct from pg_current_xact_id_if_assigned())
                and (among is null or n.deferred_id = any (among))
            order by n.due_at
            limit limit_rows
            for update skip locked
        ) as d
    );
end
$_lock_deferred$;

comment on function _lock_deferred(integer, timestamptz, bigint[]) is
    'Locks deferred items that are due, by skipping what is locked, and returns their ids, the longest due first: at '
    'most limit_rows; with among, only these items; never one that this transaction wrote (kind ended aside). Null: '
    'there are none.';
