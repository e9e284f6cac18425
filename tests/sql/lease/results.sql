-- results: the results of a leased job's dependencies, page by page.

begin;
select plan(34);
\ir ../include/support.sql
\ir ../include/named.sql

-- Returned rows ----------------------------------------------------------------------------------

-- Dependencies with ids 1 to 5, in the order of their ids: 1, 2 and 5 succeeded, 3 is dead, 4 cancelled.
select count(submit('dep', job_id => pg_temp.id(n))) from generate_series(1, 5) as n \gset
select submit('waits', job_id => pg_temp.id(10), wait_for => array[pg_temp.id(5), pg_temp.id(1), pg_temp.id(2), pg_temp.id(1)]) \gset
select pg_temp.keep(
    'mixed',
    submit('mixed', wait_for => array(select pg_temp.id(n) from generate_series(5, 1, -1) as n), on_dependency_failure => 'release')
) \gset
create temporary table dep as select w.* from get_work('worker', '{dep}', limit_jobs => 5) as w;
select count(complete(d.job_id, d.lease_id, v.result))
from (values (1, jsonb '{"n": 1}'), (2, null), (5, 'null')) as v (n, result) join dep as d on d.job_id = pg_temp.id(v.n) \gset
select fail(d.job_id, d.lease_id, 'no', false) from dep as d where d.job_id = pg_temp.id(3) \gset
select cancel(pg_temp.id(4), 'test') \gset
select release(d.job_id, d.lease_id) from dep as d where d.job_id = pg_temp.id(4) \gset
select pg_temp.take('mixed') \gset

select results_eq(
    $$ select r.job_id, r.state, r.result from results(job_id => pg_temp.job('mixed'), lease_id => pg_temp.lease('mixed')) as r $$,
    $$
        values
        (pg_temp.id(1), 'succeeded', jsonb '{"n": 1}'), (pg_temp.id(2), 'succeeded', null), (pg_temp.id(3), 'dead', null),
        (pg_temp.id(4), 'cancelled', null), (pg_temp.id(5), 'succeeded', 'null')
    $$,
    'it returns every dependency with its state and result, in the order of job_id'
);
select results_eq(
    $$ select r.job_id from results(pg_temp.job('mixed'), pg_temp.lease('mixed'), limit_rows => 2) as r $$,
    $$ values (pg_temp.id(1)), (pg_temp.id(2)) $$,
    'it returns at most limit_rows rows'
);
select results_eq(
    $$ select r.job_id from results(pg_temp.job('mixed'), pg_temp.lease('mixed'), pg_temp.id(2), 2) as r $$,
    $$ values (pg_temp.id(3)), (pg_temp.id(4)) $$,
    'a page begins after the given job'
);
select results_eq(
    $$ select r.job_id from results(pg_temp.job('mixed'), pg_temp.lease('mixed'), pg_temp.id(4), 2) as r $$,
    $$ values (pg_temp.id(5)) $$,
    'the last page is the remainder'
);
select is_empty($$ select * from results(pg_temp.job('mixed'), pg_temp.lease('mixed'), pg_temp.id(5)) $$, 'after the last page there are no rows');
select results_eq(
    $$ select r.job_id from results(pg_temp.job('mixed'), pg_temp.lease('mixed'), '00000000-0000-7000-8000-000000000003') as r $$,
    $$ values (pg_temp.id(4)), (pg_temp.id(5)) $$,
    'a page may begin after any id, a dependency or not'
);
create temporary table twice as select w.* from get_work('worker', '{waits}') as w;
select results_eq(
    $$ select r.job_id from twice as t, results(t.job_id, t.lease_id) as r $$,
    $$ values (pg_temp.id(1)), (pg_temp.id(2)), (pg_temp.id(5)) $$,
    'a job that is named twice in wait_for is one row'
);
select pg_temp.held('alone') \gset
select is_empty($$ select * from results(pg_temp.job('alone'), pg_temp.lease('alone')) $$, 'a job without dependencies has no rows');

-- More than a row of get_work can hold --------------------------------------------------------------

select count(submit('big', job_id => pg_temp.id(n))) from generate_series(101, 350) as n \gset
select pg_temp.keep('gathers', submit('gathers', wait_for => array(select pg_temp.id(n) from generate_series(101, 350) as n))) \gset
select count(complete(w.job_id, w.lease_id, to_jsonb(repeat('x', 1000)))) from get_work('worker', '{big}', limit_jobs => 1000) as w \gset
select count(sweep()) from generate_series(1, 3) \gset
create temporary table gathered as select w.* from get_work('worker', '{gathers}') as w;
select is((select g.results_truncated from gathered as g), true, '250 results of a thousand bytes are too many for a row of get_work');
select is(
    (select count(*) from gathered as g, results(g.job_id, g.lease_id) as r), 100::bigint, 'the default page has a hundred rows'
);
create temporary table page (job_id uuid, result jsonb);
do $$
declare
    v_after uuid;
begin
    loop
        insert into page
        select r.job_id, r.result from gathered as g, results(g.job_id, g.lease_id, v_after, 60) as r;
        exit when not found;
        select max(p.job_id::text)::uuid into v_after from page as p;
    end loop;
end
$$;
select results_eq(
    'select count(*), count(distinct p.job_id), min(length(p.result::text)) from page as p', 'values (250::bigint, 250::bigint, 1002)',
    'the pages together return each result once'
);

-- A page is for the current lease ----------------------------------------------------------------------

select pg_temp.changes_nothing($$ select results(pg_temp.job('mixed'), pg_temp.lease('mixed')) $$, 'reading changes nothing');
select pg_temp.run_out(pg_temp.job('mixed')) \gset
select lives_ok($$ select results(pg_temp.job('mixed'), pg_temp.lease('mixed')) $$, 'an expired lease that nobody has reclaimed may still read');
select cancel(pg_temp.job('alone'), 'operator') \gset
select lives_ok(
    $$ select results(pg_temp.job('alone'), pg_temp.lease('alone')) $$, 'a lease whose cancellation was requested may still read'
);
select pg_temp.refused_leases('select results(%L, %L)');
select pg_temp.held('done') \gset
select complete(pg_temp.job('done'), pg_temp.lease('done')) \gset
select pg_temp.refused($$ select results(pg_temp.job('done'), pg_temp.lease('done')) $$, 'LH008', 'the lease that completed the job: LH008');
select pg_temp.held('back') \gset
select release(pg_temp.job('back'), pg_temp.lease('back')) \gset
select pg_temp.refused($$ select results(pg_temp.job('back'), pg_temp.lease('back')) $$, 'LH001', 'the lease that released it: LH001');

-- Arguments ----------------------------------------------------------------------------------------------

select pg_temp.refused(
    format($$ select results(pg_temp.job('alone'), pg_temp.lease('alone'), limit_rows => %L) $$, v.limit_rows), 'LH010', v.test || ': LH010'
)
from (values (0, 'none'), (-1, 'a negative limit_rows'), (10001, 'too many')) as v (limit_rows, test);
select lives_ok($$ select results(pg_temp.job('alone'), pg_temp.lease('alone'), limit_rows => 10000) $$, '10,000 rows at a time are accepted');

select * from finish();
rollback;
