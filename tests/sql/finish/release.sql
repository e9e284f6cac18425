-- release: hands a leased job back without counting the attempt.

begin;
select plan(52);
\ir ../include/support.sql
\ir ../include/named.sql

-- Behaviour ----------------------------------------------------------------------------------------

select pg_temp.held('plain') \gset
create temporary table said as select r.* from release(job_id => pg_temp.job('plain'), lease_id => pg_temp.lease('plain')) as r;
select results_eq(
    'select s.state, s.attempt from said as s', $$ values ('ready', 0) $$, 'release returns ready and the attempt that was given back'
);
select results_eq(
    $$ select i.state, i.attempt, i.crashes, i.available_at, i.error from job(pg_temp.job('plain')) as i $$,
    $$ select 'ready', 0, 0, s.available_at, null::text from said as s $$,
    'the job is ready, as if it had not been tried'
);
select ok((select s.available_at between clock_timestamp() - interval '5 s' and clock_timestamp() from said as s), 'it is available from now');
select results_eq(
    $$ select d.event, d.actor, d.state from departure as d where d.job_id = pg_temp.job('plain') $$,
    $$ values ('release', 'worker', 'ready') $$,
    'the history says which worker handed it back'
);
select results_eq(
    $$ select w.job_id, w.attempt from get_work('another', '{a.plain}') as w $$,
    $$ values (pg_temp.job('plain'), 1) $$,
    'the next worker gets the attempt that was given back'
);

select pg_temp.held('second') \gset
select fail(pg_temp.job('second'), pg_temp.lease('second'), 'no', retry_after => '0') \gset
select pg_temp.take('second') \gset
select is((release(pg_temp.job('second'), pg_temp.lease('second'))).attempt, 1, 'of the second attempt one remains');
select is((job(pg_temp.job('second'))).error, 'no', 'the error of the first attempt remains');

-- The end of the queue -----------------------------------------------------------------------------

select pg_temp.keep('q1', submit('queue')) \gset
select pg_temp.keep('q2', submit('queue')) \gset
select pg_temp.keep('q3', submit('queue', priority => 200)) \gset
select pg_temp.take('q1') \gset
select release(pg_temp.job('q1'), pg_temp.lease('q1')) \gset
select results_eq(
    $$ select w.job_id from get_work('worker', '{queue}', limit_jobs => 3) as w $$,
    $$ values (pg_temp.job('q2')), (pg_temp.job('q1')), (pg_temp.job('q3')) $$,
    'it goes to the end of the queue of its own priority'
);

-- The time of the next attempt ---------------------------------------------------------------------------

select pg_temp.held('later') \gset
select results_eq(
    $$ select r.state, r.available_at, r.attempt from release(pg_temp.job('later'), pg_temp.lease('later'), '2100-01-01 00:00+00') as r $$,
    $$ values ('scheduled', timestamptz '2100-01-01 00:00+00', 0) $$,
    'with an available_at in the future it is scheduled'
);
select is((job(pg_temp.job('later'))).available_at, '2100-01-01 00:00+00', 'it is scheduled for exactly that time');
select pg_temp.held('past') \gset
select is((release(pg_temp.job('past'), pg_temp.lease('past'), '2001-01-01 00:00+00')).state, 'ready', 'an available_at in the past means no wait');

-- expires_at ---------------------------------------------------------------------------------------------

select pg_temp.keep('short', submit('a.short', expires_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.take('short') \gset
select results_eq(
    $$ select r.state, r.available_at from release(pg_temp.job('short'), pg_temp.lease('short'), clock_timestamp() + interval '2 hours') as r $$,
    $$ values ('dead', null::timestamptz) $$,
    'a job whose next time would not be before its expires_at is buried at once'
);
select is((job(pg_temp.job('short'))).dead_reason, 'expired', 'its dead_reason is expired');
select pg_temp.keep('over', submit('a.over', expires_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.take('over') \gset
select pg_temp.is_late(pg_temp.job('over')) \gset
select is((release(pg_temp.job('over'), pg_temp.lease('over'))).state, 'dead', 'so is a job whose expires_at passed while it was held');

-- Late, and after crashes -------------------------------------------------------------------------------

select pg_temp.held('late') \gset
select pg_temp.run_out(pg_temp.job('late')) \gset
select is((release(pg_temp.job('late'), pg_temp.lease('late'))).state, 'ready', 'an expired lease that nobody has reclaimed can still be released');
select pg_temp.lost('crashed') \gset
select is((job(pg_temp.job('crashed'))).crashes, 1, 'a crash is counted …');
select pg_temp.is_due(pg_temp.job('crashed')) \gset
select pg_temp.take('crashed') \gset
select release(pg_temp.job('crashed'), pg_temp.lease('crashed')) \gset
select is((job(pg_temp.job('crashed'))).crashes, 0, '… until a lease is released: the count of crashes starts again');

-- The results of its dependencies ----------------------------------------------------------------------

select pg_temp.held('before') \gset
select complete(pg_temp.job('before'), pg_temp.lease('before'), '7') \gset
select pg_temp.keep('after', submit('a.after', wait_for => array[pg_temp.job('before')])) \gset
select pg_temp.take('after') \gset
select release(pg_temp.job('after'), pg_temp.lease('after')) \gset
select is(
    (select w.results from get_work('worker', '{a.after}') as w), jsonb_build_object(pg_temp.job('before'), 7),
    'the next worker gets the results too'
);

-- Repeated calls ---------------------------------------------------------------------------------------

select pg_temp.held('twice') \gset
create temporary table first_answer as select r.* from release(pg_temp.job('twice'), pg_temp.lease('twice')) as r;
select pg_temp.changes_nothing(
    $$ select release(pg_temp.job('twice'), pg_temp.lease('twice'), '2100-01-01 00:00+00') $$, 'a repeated call of the same lease changes nothing'
);
select pg_temp.answers(
    $$ select r.* from release(pg_temp.job('twice'), pg_temp.lease('twice'), '2100-01-01 00:00+00') as r $$, 'select * from first_answer',
    'a repeated call gives the same answer'
);
create temporary table old_lease as select pg_temp.lease('twice') as lease_id;
select pg_temp.take('twice') \gset
select pg_temp.refused(
    $$ select release(pg_temp.job('twice'), (select lease_id from old_lease)) $$, 'LH001', 'after the next grant it is an earlier lease: LH001'
);
select pg_temp.refused(
    $$ select extend(pg_temp.job('plain'), pg_temp.lease('plain')) $$, 'LH001', 'a lease that released its job is no longer current'
);
select pg_temp.held('ended_after') \gset
create temporary table then_cancelled as select r.* from release(pg_temp.job('ended_after'), pg_temp.lease('ended_after')) as r;
select cancel(pg_temp.job('ended_after'), 'operator') \gset
select pg_temp.answers(
    $$ select r.* from release(pg_temp.job('ended_after'), pg_temp.lease('ended_after')) as r $$, 'select * from then_cancelled',
    'the same answer comes before any other, even if a person has cancelled the job since'
);

-- Cancellation was requested ---------------------------------------------------------------------------

select pg_temp.held('stop') \gset
select cancel(pg_temp.job('stop'), 'operator') \gset
select results_eq(
    $$ select r.* from release(pg_temp.job('stop'), pg_temp.lease('stop')) as r $$, $$ values ('cancelled', null::timestamptz, 1) $$,
    'release ends the job cancelled if cancellation was requested'
);
select is(pg_temp.state_of('stop'), 'cancelled', 'the job is cancelled');
select pg_temp.answers(
    $$ select r.* from release(pg_temp.job('stop'), pg_temp.lease('stop')) as r $$, $$ values ('cancelled', null::timestamptz, 1) $$,
    'a repeated call gets the same answer'
);
select pg_temp.refused(
    $$ select fail(pg_temp.job('stop'), pg_temp.lease('stop'), 'no') $$, 'LH007', 'another verb of the same lease: LH007'
);

-- Its singleton key --------------------------------------------------------------------------------------

select pg_temp.keep('k1', submit('key.a', singleton_key => 'k')) \gset
select pg_temp.keep('k2', submit('key.a', singleton_key => 'k')) \gset
select pg_temp.take('k1') \gset
select release(pg_temp.job('k1'), pg_temp.lease('k1')) \gset
select pg_temp.take('k2') \gset
select pass('the next job of its key goes before it');
select is_empty($$ select from get_work('worker', '{key.a}') $$, 'the job then waits for that one');
select complete(pg_temp.job('k2'), pg_temp.lease('k2')) \gset
select pg_temp.take('k1') \gset
select pass('its end admits the job again');

-- Leases that are not current ----------------------------------------------------------------------------

select pg_temp.refused_leases('select release(%L, %L)');
select pg_temp.held('done') \gset
select complete(pg_temp.job('done'), pg_temp.lease('done')) \gset
select pg_temp.refused($$ select release(pg_temp.job('done'), pg_temp.lease('done')) $$, 'LH008', 'the lease that completed the job cannot release it');
select pg_temp.held('failed') \gset
select fail(pg_temp.job('failed'), pg_temp.lease('failed'), 'no') \gset
select pg_temp.refused($$ select release(pg_temp.job('failed'), pg_temp.lease('failed')) $$, 'LH001', 'a lease that failed the job cannot release it');
select pg_temp.held('buried') \gset
select fail(pg_temp.job('buried'), pg_temp.lease('buried'), 'no', retryable => false) \gset
select pg_temp.refused($$ select release(pg_temp.job('buried'), pg_temp.lease('buried')) $$, 'LH008', 'a lease that buried the job cannot release it');

-- Arguments --------------------------------------------------------------------------------------------------

select pg_temp.held('x') \gset
select pg_temp.refused(format($$ select release(pg_temp.job('x'), pg_temp.lease('x'), %L) $$, v.available_at), 'LH010', v.test || ': LH010')
from (values
    ('infinity', 'an infinite available_at'),
    ('-infinity', 'an available_at of minus infinity'),
    ('4000-01-01 BC', 'an available_at in the far past'),
    ('20000-01-01', 'an available_at that clients cannot hold')
) as v (available_at, test);
select is(pg_temp.state_of('x'), 'leased', 'after all these refusals the lease is still current');

select * from finish();
rollback;
