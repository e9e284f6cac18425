-- redrive: brings back a dead letter, and the jobs that died with it by cascade.

begin;
\ir ../include/support.sql
select plan(55);

-- Behaviour --------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(1), next_need => 'rd.ready', max_attempts => 1);
select lease_id from get_work(worker_id => 'w', capabilities => '{rd.ready}') \gset
select fail(job_id => pg_temp.id(1), lease_id => :'lease_id', error => 'no', error_code => 'e');
select results_eq(
    format($$ select state, available_at between now() and clock_timestamp(), attempt from redrive(job_id => %L, actor => 'ann', reason => 'fixed') $$, pg_temp.id(1)),
    $$ values ('ready', true, 0) $$, 'a dead job is ready again, without attempts'
);
select results_eq(
    format('select state, attempt, crashes, dead_reason, ended_at, cancel_requested from job(job_id => %L)', pg_temp.id(1)),
    $$ values ('ready', 0, 0, null::text, null::timestamptz, false) $$, 'no trace of its death is left'
);
select results_eq(
    format($$ select actor, state, detail from departure where job_id = %L and actor = 'ann' $$, pg_temp.id(1)),
    $$ values ('ann', 'ready', 'fixed') $$, 'the history has the actor and the reason'
);
select is_empty(format('select from dead_letter where job_id = %L', pg_temp.id(1)), 'it is no longer a dead letter');
select is((select attempt from get_work(worker_id => 'w', capabilities => '{rd.ready}')), 1, 'its next execution is attempt 1');

select job_id as crashed from pg_temp.leased('rd.crashed') \gset
update job set crashes = 2 where job_id = :'crashed';
select pg_temp.run_out(:'crashed');
select sweep();
select is((job(:'crashed')).dead_reason, 'crash_loop', 'a crash loop can be redriven');
select redrive(job_id => :'crashed', actor => 'ann');
select is((job(:'crashed')).crashes, 0, 'it starts again without crashes');

-- its time
select submit(job_id => pg_temp.id(2), next_need => 'rd.scheduled', available_at => now() + interval '1 hour');
select fail_unheld(job_id => pg_temp.id(2), actor => 'ann', error => 'no', retryable => false);
select results_eq(
    format($$ select state, available_at from redrive(job_id => %L, actor => 'ann') $$, pg_temp.id(2)),
    $$ values ('scheduled', now() + interval '1 hour') $$, 'a job whose time has not come is scheduled'
);

-- its dependencies
select submit(job_id => pg_temp.id(3), next_need => 'rd.parent');
select submit(job_id => pg_temp.id(4), next_need => 'rd.child', wait_for => array[pg_temp.id(3)]);
select fail_unheld(job_id => pg_temp.id(4), actor => 'ann', error => 'no', retryable => false);
select is((redrive(job_id => pg_temp.id(4), actor => 'ann')).state, 'blocked', 'a job whose dependency has not ended yet is blocked');
select fail_unheld(job_id => pg_temp.id(4), actor => 'ann', error => 'no', retryable => false);
select complete_unheld(job_id => pg_temp.id(3), actor => 'ann', result => '5');
select is((redrive(job_id => pg_temp.id(4), actor => 'ann')).state, 'ready', 'a job whose dependency succeeded while it was dead is ready');
select is((select results -> pg_temp.id(3)::text from get_work(worker_id => 'w', capabilities => '{rd.child}')), '5', 'it has the result');

-- expires_at
select submit(job_id => pg_temp.id(5), next_need => 'rd.expired', expires_at => now() + interval '1 min');
select pg_temp.is_late(pg_temp.id(5));
select sweep();
select is((job(pg_temp.id(5))).dead_reason, 'expired', 'an expired job can be redriven');
select is((redrive(job_id => pg_temp.id(5), actor => 'ann')).state, 'ready', 'it is brought back');
select is((job(pg_temp.id(5))).expires_at, null, 'it loses its expires_at, which has passed');
select fail_unheld(job_id => pg_temp.id(5), actor => 'ann', error => 'no', retryable => false);
select redrive(job_id => pg_temp.id(5), actor => 'ann', expires_at => now() + interval '2 h');
select is((job(pg_temp.id(5))).expires_at, now() + interval '2 h', 'it gets the expires_at that is given');
select fail_unheld(job_id => pg_temp.id(2), actor => 'ann', error => 'no', retryable => false);
select is((redrive(job_id => pg_temp.id(2), actor => 'ann', expires_at => now() + interval '1 hour')).state, 'dead',
    'a job whose time would not be before its expires_at is buried at once');
select submit(job_id => pg_temp.id(60), next_need => 'rd.keeps', expires_at => now() + interval '3 h');
select fail_unheld(job_id => pg_temp.id(60), actor => 'ann', error => 'no', retryable => false);
select redrive(job_id => pg_temp.id(60), actor => 'ann');
select is((job(pg_temp.id(60))).expires_at, now() + interval '3 h', 'an expires_at in the future is kept if none is given');
select fail_unheld(job_id => pg_temp.id(60), actor => 'ann', error => 'no', retryable => false);
select redrive(job_id => pg_temp.id(60), actor => 'ann', expires_at => 'infinity');
select is((job(pg_temp.id(60))).expires_at, null, 'infinity removes it');
select submit(job_id => pg_temp.id(61), next_need => 'rd.keeps', available_at => now() + interval '2 h', expires_at => now() + interval '1 h');
select is((redrive(job_id => pg_temp.id(61), actor => 'ann')).state, 'scheduled', 'an expires_at that leaves no time to start is removed too');
select submit(job_id => pg_temp.id(62), next_need => 'rd.keeps');
select submit(job_id => v.id, next_need => 'rd.after', wait_for => array[pg_temp.id(62)], on_dependency_failure => 'cascade', expires_at => now() + interval '3 h')
from (values (pg_temp.id(63)), (pg_temp.id(64))) as v (id);
select fail_unheld(job_id => pg_temp.id(62), actor => 'ann', error => 'no', retryable => false);
select pg_temp.is_late(pg_temp.id(64));
select redrive(job_id => pg_temp.id(62), actor => 'ann');
select complete_unheld(job_id => pg_temp.id(62), actor => 'ann');
select results_eq(
    $$ select state, expires_at from unnest(array[pg_temp.id(63), pg_temp.id(64)]) as i (id) cross join lateral job(job_id => i.id) order by job_id $$,
    $$ values ('ready', now() + interval '3 h'), ('ready', null::timestamptz) $$,
    'the same applies to the jobs that died with it and come back with it'
);
select is((job(pg_temp.id(2))).dead_reason, 'expired', 'their dead_reason is expired');

-- its old lease
select submit(job_id => pg_temp.id(6), next_need => 'rd.lease');
select lease_id as old_lease from get_work(worker_id => 'w', capabilities => '{rd.lease}') \gset
select fail(job_id => pg_temp.id(6), lease_id => :'old_lease', error => 'no', retryable => false);
select redrive(job_id => pg_temp.id(6), actor => 'ann');
select pg_temp.refused(format('select complete(job_id => %L, lease_id => %L)', pg_temp.id(6), :'old_lease'), 'LH001', 'the lease with which it died is an earlier one');
select lease_id as new_lease from get_work(worker_id => 'w', capabilities => '{rd.lease}') \gset
select pg_temp.refused(format('select fail(job_id => %L, lease_id => %L, error => %L)', pg_temp.id(6), :'old_lease', 'no'), 'LH001',
    'it is so for fail, too, after the next grant');
select ok(complete(job_id => pg_temp.id(6), lease_id => :'new_lease'), 'the new lease completes it');

-- Cascades ---------------------------------------------------------------------------------------

-- 10 <- 11 <- 12 cascade, 10 <- 13 hold, 10 <- 14 release
select submit(job_id => pg_temp.id(10), next_need => 'rd.root');
select submit(job_id => pg_temp.id(11), next_need => 'rd.cascade', wait_for => array[pg_temp.id(10)], on_dependency_failure => 'cascade');
select submit(job_id => pg_temp.id(12), next_need => 'rd.cascade', wait_for => array[pg_temp.id(11)], on_dependency_failure => 'cascade');
select submit(job_id => pg_temp.id(13), next_need => 'rd.hold', wait_for => array[pg_temp.id(10)]);
select submit(job_id => pg_temp.id(14), next_need => 'rd.release', wait_for => array[pg_temp.id(10)], on_dependency_failure => 'release');
select fail_unheld(job_id => pg_temp.id(10), actor => 'ann', error => 'no', retryable => false);
select sweep();
select is(array(select pg_temp.state(pg_temp.id(n)) from generate_series(10, 14) as n), '{dead,dead,dead,blocked,ready}', 'a cascade died with its root');
select is((redrive(job_id => pg_temp.id(10), actor => 'ann')).state, 'ready', 'the root is redriven');
select sweep();
select is(array(select pg_temp.state(pg_temp.id(n)) from generate_series(10, 14) as n), '{ready,blocked,blocked,blocked,ready}', 'its cascade comes back');
select is((select array_agg(distinct attempt) from (select (job(pg_temp.id(n))).attempt from generate_series(11, 12) as n) as a), '{0}', 'the cascade comes back without attempts');
select is((select count(*) from departure where job_id = pg_temp.id(12) and event = 'redriven'), 1::bigint, 'the history shows the redrive of the cascade');
select complete_unheld(job_id => pg_temp.id(10), actor => 'ann');
select is(array(select pg_temp.state(pg_temp.id(n)) from generate_series(11, 13) as n), '{ready,blocked,ready}', 'its success frees its dependents');
select complete_unheld(job_id => pg_temp.id(11), actor => 'ann');
select is(pg_temp.state(pg_temp.id(12)), 'ready', 'to the end of the chain');

-- two dead roots of one dependent
select submit(job_id => pg_temp.id(20), next_need => 'rd.root');
select submit(job_id => pg_temp.id(21), next_need => 'rd.root');
select submit(job_id => pg_temp.id(22), next_need => 'rd.two', wait_for => array[pg_temp.id(20), pg_temp.id(21)], on_dependency_failure => 'cascade');
select fail_unheld(job_id => pg_temp.id(20), actor => 'ann', error => 'no', retryable => false);
select fail_unheld(job_id => pg_temp.id(21), actor => 'ann', error => 'no', retryable => false);
select redrive(job_id => pg_temp.id(20), actor => 'ann');
select is(pg_temp.state(pg_temp.id(22)), 'dead', 'with another dead root a cascade stays dead');
select redrive(job_id => pg_temp.id(21), actor => 'ann');
select is(pg_temp.state(pg_temp.id(22)), 'blocked', 'until that one is redriven too');
select complete_unheld(job_id => pg_temp.id(20), actor => 'ann');
select complete_unheld(job_id => pg_temp.id(21), actor => 'ann');
select is(pg_temp.state(pg_temp.id(22)), 'ready', 'it runs once both have succeeded');

-- a dead dependent redriven before its root
select submit(job_id => pg_temp.id(30), next_need => 'rd.root');
select submit(job_id => pg_temp.id(31), next_need => 'rd.early', wait_for => array[pg_temp.id(30)], on_dependency_failure => 'cascade');
select fail_unheld(job_id => pg_temp.id(30), actor => 'ann', error => 'no', retryable => false);
select is((redrive(job_id => pg_temp.id(31), actor => 'ann')).state, 'blocked', 'a cascade redriven before its root waits for it');
select redrive(job_id => pg_temp.id(30), actor => 'ann');
select is(pg_temp.state(pg_temp.id(31)), 'blocked', 'it still waits once the root is redriven');
select complete_unheld(job_id => pg_temp.id(30), actor => 'ann');
select is(pg_temp.state(pg_temp.id(31)), 'ready', 'it runs after the root');

-- a dependent that died of something else
select submit(job_id => pg_temp.id(40), next_need => 'rd.root');
select submit(job_id => pg_temp.id(41), next_need => 'rd.own', wait_for => array[pg_temp.id(40)], on_dependency_failure => 'cascade');
select fail_unheld(job_id => pg_temp.id(41), actor => 'ann', error => 'no', retryable => false);
select fail_unheld(job_id => pg_temp.id(40), actor => 'ann', error => 'no', retryable => false);
select redrive(job_id => pg_temp.id(40), actor => 'ann');
select is(pg_temp.state(pg_temp.id(41)), 'dead', 'a dependent that died of something else stays dead');

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.refused(format('select redrive(job_id => %L, actor => %L)', pg_temp.id(99), 'ann'), 'LH003', 'an unknown job');
select pg_temp.refused(format('select redrive(job_id => %L, actor => %L)', pg_temp.id(31), 'ann'), 'LH009', 'a ready job');
select job_id as held from pg_temp.leased('rd.held') \gset
select pg_temp.refused(format('select redrive(job_id => %L, actor => %L)', :'held', 'ann'), 'LH009', 'a leased job');
select pg_temp.refused(format('select redrive(job_id => %L, actor => %L)', pg_temp.id(30), 'ann'), 'LH008', 'a job that succeeded');
select cancel(job_id => pg_temp.id(31), actor => 'ann');
select pg_temp.refused(format('select redrive(job_id => %L, actor => %L)', pg_temp.id(31), 'ann'), 'LH007', 'a cancelled job');
select pg_temp.refused('select redrive(job_id => null, actor => ''ann'')', 'LH010', 'job_id: null');
select pg_temp.refused(format('select redrive(job_id => %L, actor => %s)', pg_temp.id(41), a.actor), 'LH010', 'actor: ' || a.name)
from (values ('null', 'null'), ('''''', 'empty'), ('repeat(''x'', 201)', 'too long'), ('repeat(''é'', 101)', 'too long in bytes')) as a (actor, name);
select pg_temp.refused(format('select redrive(job_id => %L, actor => %L, reason => %s)', pg_temp.id(41), 'ann', a.reason), 'LH010', 'reason: ' || a.name)
from (values ('''''', 'empty'), ('repeat(''x'', 1001)', 'too long')) as a (reason, name);
select pg_temp.refused(format('select redrive(job_id => %L, actor => %L, expires_at => %L)', pg_temp.id(41), 'ann', a.value), 'LH010', 'expires_at: ' || a.name)
from (values ('-infinity', 'minus infinite'), ('2020-01-01', 'past'), ('294000-01-01', 'beyond what clients can hold'), ('0044-03-15 BC', 'before Christ'))
    as a (value, name);
select is(pg_temp.state(pg_temp.id(41)), 'dead', 'after all these refusals the job is unchanged');

select * from finish();
rollback;
