-- _horizon_passed: whether all transactions older than an id have ended.

begin;
\ir ../include/support.sql
select plan(7);

select pg_current_xact_id() as own \gset

select is(_horizon_passed('3'), true, 'of an id that was long ago it is true');
select isnt(_horizon_passed(:'own'), null, 'of the id of this transaction it is known');
select is(
    _horizon_passed(pg_snapshot_xmin(pg_current_snapshot())), true, 'of the oldest id that is in progress it is true'
);
select is(
    _horizon_passed((:own + 1000000)::text::xid8), null, 'of an id that this server has not reached it cannot be known'
);
select is(_horizon_passed(null), null, 'of no id it cannot be known');

-- It asks with the snapshot of the statement that it is in.
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
