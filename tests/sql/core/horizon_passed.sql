-- _horizon_passed: whether all transactions older than a transaction id have ended.

begin;
\ir ../include/support.sql
select plan(7);

select pg_current_xact_id() as own \gset

select is(_horizon_passed('3'), true, 'for an old id it is true');
select isnt(_horizon_passed(:'own'), null, 'for the id of this transaction the answer is known');
select is(
    _horizon_passed(pg_snapshot_xmin(pg_current_snapshot())), true, 'for the oldest id in progress it is true'
);
select is(
    _horizon_passed((:own + 1000000)::text::xid8), null, 'for an id that this server has not reached it is null'
);
select is(_horizon_passed(null), null, 'for a null id it is null');

-- It uses the snapshot of the statement that calls it.
select is(provolatile, 's', 'it is stable') from pg_proc where oid = '_horizon_passed'::regproc;
prepare asked as select _horizon_passed(w.seen_by) from watermark as w;
create function pg_temp.plan_of(query text) returns setof text language plpgsql as $$
begin
    return query execute 'explain (verbose, costs off) ' || query;
end
$$;
select is_empty(
    $$ select p from pg_temp.plan_of('execute asked') as p where p like '%\_horizon\_passed%' $$, 'it is inlined'
);

select finish();
rollback;
