-- complete: ends a leased job as succeeded.

begin;
select plan(51);
\ir ../include/support.sql
\ir ../include/named.sql

-- Behaviour --------------------------------------------------------------------------------------

select pg_temp.held('plain') \gset
select ok(
    complete(job_id => pg_temp.job('plain'), lease_id => pg_temp.lease('plain'), result => '{"sent": 1}'),
    'complete returns true'
);
select is_empty($$ select from job as j where j.job_id = pg_temp.job('plain') $$, 'a completed job is no longer live');
select results_eq(
    $$
        select i.state, i.result, i.archived, i.attempt, i.worker_id, i.lease_id, i.next_need
        from job(pg_temp.job('plain')) as i
    $$,
    $$ values ('succeeded', jsonb '{"sent": 1}', true, 1, 'worker', pg_temp.lease('plain'), 'a.plain') $$,
    'it is in the archive with its result, its attempt, and its worker'
);
select ok(
    (select i.ended_at between i.leased_at and clock_timestamp() from job(pg_temp.job('plain')) as i),
    'the time at which it ended is recorded'
);
select is_empty($$ select from departure as d where d.job_id = pg_temp.job('plain') $$, 'the normal course leaves no history');

select pg_temp.held('nothing') \gset
select ok(complete(pg_temp.job('nothing'), pg_temp.lease('nothing')), 'a result is optional');
select is((job(pg_temp.job('nothing'))).result, null, 'without a result it is null');

select count(pg_temp.held(n)) from unnest('{r1,r2,r3,r4,r5}'::text[]) as n \gset
select count(complete(pg_temp.job(v.name), pg_temp.lease(v.name), v.result))
from (values ('r1', jsonb 'null'), ('r2', '0'), ('r3', '"text"'), ('r4', '[]'), ('r5', 'false')) as v (name, result) \gset
select results_eq(
    $$ select (job(pg_temp.job(n))).result from unnest('{r1,r2,r3,r4,r5}'::text[]) as n $$,
    $$ values (jsonb 'null'), ('0'), ('"text"'), ('[]'), ('false') $$,
    'the result may be any JSON value'
);

select pg_temp.keep('unicode', submit('a.unicode')) \gset
select pg_temp.take('unicode') \gset
select complete(pg_temp.job('unicode'), pg_temp.lease('unicode'), '{"%s": "''; -- é \\ \" %"}') \gset
select is((job(pg_temp.job('unicode'))).result ->> '%s', $$'; -- é \ " %$$, 'a result is data, whatever it contains');

-- A late worker, before anybody reclaimed its lease --------------------------------------------

select pg_temp.held('late') \gset
select pg_temp.run_out(pg_temp.job('late')) \gset
select ok(complete(pg_temp.job('late'), pg_temp.lease('late')), 'a worker that finishes late completes its job if nobody has reclaimed it');
select is(pg_temp.state_of('late'), 'succeeded', 'its job has succeeded');

select pg_temp.keep('start_by', submit('a.start_by', expires_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.take('start_by') \gset
select pg_temp.is_late(pg_temp.job('start_by')) \gset
select ok(complete(pg_temp.job('start_by'), pg_temp.lease('start_by')), 'expires_at does not end a lease that is held');

select pg_temp.held('stop') \gset
select cancel(pg_temp.job('stop'), 'operator') \gset
select ok(complete(pg_temp.job('stop'), pg_temp.lease('stop')), 'complete still succeeds after a request for cancellation: the work was done');
select is(pg_temp.state_of('stop'), 'succeeded', 'the job has succeeded');
select is(cancel(pg_temp.job('stop'), 'operator'), 'succeeded', 'no later cancel changes that');

-- Dependents -------------------------------------------------------------------------------------

select pg_temp.held('first') \gset
select pg_temp.held('second') \gset
select pg_temp.keep('one', submit('b.one', wait_for => array[pg_temp.job('first')])) \gset
select pg_temp.keep('both', submit('b.both', wait_for => array[pg_temp.job('first'), pg_temp.job('second')])) \gset
select pg_temp.keep('later', submit('b.later', wait_for => array[pg_temp.job('first')], available_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.keep('gone', submit('b.gone', wait_for => array[pg_temp.job('first')], expires_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.is_late(pg_temp.job('gone')) \gset
select complete(pg_temp.job('first'), pg_temp.lease('first'), '"a"') \gset
select is(pg_temp.state_of('one'), 'ready', 'a job with this dependency alone is ready at once');
select is(pg_temp.state_of('both'), 'blocked', 'a job with another dependency stays blocked');
select is(pg_temp.state_of('later'), 'scheduled', 'a dependent whose time has not come is scheduled');
select results_eq(
    $$ select i.state, i.dead_reason from job(pg_temp.job('gone')) as i $$,
    $$ values ('dead', 'expired') $$,
    'a dependent that could only start too late is dead, as expired'
);
select complete(pg_temp.job('second'), pg_temp.lease('second'), '"b"') \gset
select is(pg_temp.state_of('both'), 'ready', 'the last of its dependencies frees it');
select is_empty(
    $$ select from dependency as e where e.waits_for in (pg_temp.job('first'), pg_temp.job('second')) $$,
    'no dependency is left on a job that has ended'
);
select is(
    (select w.results from get_work('worker', '{b.both}') as w),
    jsonb_build_object(pg_temp.job('first'), 'a', pg_temp.job('second'), 'b'),
    'the dependents get the results'
);

select pg_temp.held('popular') \gset
select count(submit('crowd', wait_for => array[pg_temp.job('popular')])) from generate_series(1, 1500) \gset
select complete(pg_temp.job('popular'), pg_temp.lease('popular')) \gset
select cmp_ok((select s.ready from status as s where s.next_need = 'crowd'), '<=', 100::bigint, 'a job with many dependents does not free them all in the call');
select lives_ok($$ select sweep(), sweep(), sweep() $$, 'it leaves the rest to get_work and sweep');
select results_eq(
    $$ select s.blocked, s.ready from status as s where s.next_need = 'crowd' $$,
    $$ values (0::bigint, 1500::bigint) $$,
    'get_work and sweep free every one of them'
);

-- Its singleton key -------------------------------------------------------------------------------

select pg_temp.keep('k1', submit('key.a', singleton_key => 'k')) \gset
select pg_temp.keep('k2', submit('key.a', singleton_key => 'k')) \gset
select pg_temp.take('k1') \gset
select is_empty($$ select from get_work('worker', '{key.a}') $$, 'one job of a key is leased at a time');
select complete(pg_temp.job('k1'), pg_temp.lease('k1')) \gset
select is((select w.job_id from get_work('worker', '{key.a}') as w), pg_temp.job('k2'), 'the next job of its key can be claimed at once');

-- Repeated calls ----------------------------------------------------------------------------------

select pg_temp.refused(
    $$ select complete(pg_temp.job('plain'), pg_temp.lease('plain'), '{"sent": 2}') $$, 'LH018',
    'a repeated call of the same lease: LH018, so that a replayed transaction rolls back its effects'
);
select is(
    pg_temp.detail_of($$ select complete(pg_temp.job('plain'), pg_temp.lease('plain'), '{"sent": 2}') $$),
    jsonb_build_object('job_id', pg_temp.job('plain'), 'lease_id', pg_temp.lease('plain')),
    'its DETAIL has the ids alone: it is written to the server''s log, where no result belongs'
);
select is((job(pg_temp.job('plain'))).result, '{"sent": 1}', 'the first result stays');
select pg_temp.refused(
    $$ select complete(pg_temp.job('stop'), pg_temp.lease('stop')) $$, 'LH018', 'the same after a request for cancellation: the job succeeded'
);

-- The job ended in another way -------------------------------------------------------------------

select pg_temp.held('failed') \gset
select fail(pg_temp.job('failed'), pg_temp.lease('failed'), 'no') \gset
select pg_temp.refused(
    $$ select complete(pg_temp.job('failed'), pg_temp.lease('failed')) $$, 'LH001', 'a lease that failed the job cannot complete it'
);
select pg_temp.held('buried') \gset
select fail(pg_temp.job('buried'), pg_temp.lease('buried'), 'no', retryable => false) \gset
select pg_temp.refused(
    $$ select complete(pg_temp.job('buried'), pg_temp.lease('buried')) $$, 'LH008', 'a lease that buried the job cannot complete it'
);
select pg_temp.held('stopped') \gset
select cancel(pg_temp.job('stopped'), 'operator') \gset
select release(pg_temp.job('stopped'), pg_temp.lease('stopped')) \gset
select pg_temp.refused(
    $$ select complete(pg_temp.job('stopped'), pg_temp.lease('stopped')) $$, 'LH007', 'a lease whose release ended the job cancelled cannot complete it'
);
select pg_temp.held('elsewhere') \gset
select release(pg_temp.job('elsewhere'), pg_temp.lease('elsewhere')) \gset
select complete_unheld(pg_temp.job('elsewhere'), 'operator') \gset
select pg_temp.refused(
    $$ select complete(pg_temp.job('elsewhere'), pg_temp.lease('elsewhere')) $$, 'LH008',
    'a job that a person completed was not completed by the lease before'
);

-- Leases that are not current ---------------------------------------------------------------------

select pg_temp.refused_leases('select complete(%L, %L)');

-- Arguments -----------------------------------------------------------------------------------------

select pg_temp.held('big') \gset
select pg_temp.refused(
    $$ select complete(pg_temp.job('big'), pg_temp.lease('big'), to_jsonb(repeat('x', 1048576))) $$, 'LH011',
    'a result above the setting max_result_bytes: LH011'
);
select ok(
    complete(pg_temp.job('big'), pg_temp.lease('big'), to_jsonb(repeat('x', 1048574))),
    'a result of exactly that size is accepted'
);

select * from finish();
rollback;
