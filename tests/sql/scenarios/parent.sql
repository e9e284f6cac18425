-- A parent that submits ten children and reschedules itself behind them, in one transaction, and then gathers their results.

begin;
select plan(16);
\ir ../include/support.sql
\ir ../include/named.sql

select pg_temp.keep('parent', submit('index.directory', '{"path": "/src"}')) \gset
select pg_temp.take('parent') \gset
create temporary table child as
select s.job_id, row_number() over () as nth
from submit_many((
    select jsonb_agg(jsonb_build_object('next_need', 'index.file', 'payload', jsonb_build_object('file', n)) order by n)
    from generate_series(1, 10) as n
)) as s;
select results_eq(
    $$
        select r.state, r.attempt
        from reschedule(
            pg_temp.job('parent'), pg_temp.lease('parent'), payload => '{"path": "/src", "stage": "gather"}',
            wait_for => array(select c.job_id from child as c)
        ) as r
    $$,
    $$ values ('blocked', 0) $$,
    'the parent waits behind its ten children'
);
select is((select count(*) from why_not_running(pg_temp.job('parent')) as r where r.reason = 'blocked'), 10::bigint, 'it waits for each of them');
select is_empty($$ select from get_work('gatherer', '{index.directory}') $$, 'nobody gets it meanwhile');

create temporary table at_work as select w.* from get_work('indexer', '{index.file}', limit_jobs => 10) as w;
select is((select count(*) from at_work), 10::bigint, 'all children are run at once');
select is(
    (
        select count(*)
        from at_work as w
        where (w.payload ->> 'file')::integer < 10
            and complete(w.job_id, w.lease_id, jsonb_build_object('lines', 100 * (w.payload ->> 'file')::integer))
    ),
    9::bigint, 'nine children are done'
);
select is(pg_temp.state_of('parent'), 'blocked', 'nine of ten are not enough');

-- The tenth fails once, and then for good.
select fail(w.job_id, w.lease_id, 'unreadable', retry_after => '0') from at_work as w where w.payload ->> 'file' = '10' \gset
select is(pg_temp.state_of('parent'), 'blocked', 'a child that is tried again still keeps the parent waiting');
select fail(w.job_id, w.lease_id, 'unreadable', retryable => false) from get_work('indexer', '{index.file}') as w \gset
select is(pg_temp.state_of('parent'), 'blocked', 'so does a child that died: a person may redrive it');
select (redrive(c.job_id, 'operator', 'file was restored')).state from child as c where c.nth = 10 \gset
select is(:'state'::text, 'ready', 'the person does so');
select is(pg_temp.state_of('parent'), 'blocked', 'the parent still waits');
select complete(w.job_id, w.lease_id, '{"lines": 1000}') from get_work('indexer', '{index.file}') as w \gset
select is(pg_temp.state_of('parent'), 'ready', 'when the tenth has succeeded, the parent is ready');

create temporary table gathering as select w.* from get_work('gatherer', '{index.directory}') as w;
select results_eq(
    $$
        select g.payload ->> 'stage', g.attempt, count(*), sum((r.value ->> 'lines')::integer), g.results_truncated
        from gathering as g, jsonb_each(g.results) as r
        group by 1, 2, 5
    $$,
    $$ values ('gather', 1, 10::bigint, 5500::bigint, false) $$,
    'it gets all ten results with its lease'
);
select set_eq(
    'select r.key::uuid from gathering as g, jsonb_each(g.results) as r', 'select c.job_id from child as c', 'they are the results of its own children'
);
select ok((select complete(g.job_id, g.lease_id, '{"lines": 5500}') from gathering as g), 'it completes');
select is_empty($$ select from job as j where j.next_need like 'index.%' $$, 'none of the jobs is live');
select is_empty($$ select from dependency $$, 'and no dependency is left');

select * from finish();
rollback;
