-- cancel: ends a job that nobody holds, and requests the end of a leased one.

begin;
\ir ../include/support.sql
select plan(59);

-- A job that nobody holds ------------------------------------------------------------------------

select submit(job_id => pg_temp.id(1), next_need => 'ca.ready');
select is(cancel(job_id => pg_temp.id(1), actor => 'ann', reason => 'typo'), 'cancelled', 'a ready job is cancelled at once');
select is(pg_temp.state(pg_temp.id(1)), 'cancelled', 'its state is cancelled');
select ok((job(pg_temp.id(1))).archived, 'it is archived');
select ok((job(pg_temp.id(1))).ended_at between now() - interval '1 s' and clock_timestamp(), 'its end is recorded');
select results_eq(
    format('select event, actor, state, detail from departure where job_id = %L', pg_temp.id(1)),
    $$ values ('cancelled', 'ann', 'cancelled', 'typo') $$, 'the history has the actor and the reason'
);

-- The actor is the name that the caller gives; the login is the session's user
create role tap_login;
create role tap_group;
grant tap_group, leasehold_operator to tap_login;
grant leasehold_operator to tap_group;
select submit(job_id => pg_temp.id(70), next_need => 'c.login'), submit(job_id => pg_temp.id(71), next_need => 'c.login');
select submit(job_id => pg_temp.id(72), next_need => 'c.login', wait_for => array[pg_temp.id(70)], on_dependency_failure => 'cascade') \gset
set session authorization tap_login;
select leasehold.cancel(job_id => pg_temp.id(70), actor => 'ann');
set role tap_group;
select leasehold.cancel(job_id => pg_temp.id(71), actor => 'the boss');
reset session authorization;
select results_eq(
    format('select actor, login from departure where job_id in (%L, %L, %L) order by job_id', pg_temp.id(70), pg_temp.id(71), pg_temp.id(72)),
    $$ values ('ann', 'tap_login'), ('the boss', 'tap_login'), ('leasehold', 'tap_login') $$,
    'the history has the login beside the actor, whatever the role, and also for acts of the engine in its session'
);
select is_empty($$ select * from get_work(worker_id => 'w', capabilities => '{ca.ready}') $$, 'workers no longer get it');
select is(cancel(job_id => pg_temp.id(1), actor => 'bob'), 'cancelled', 'a second cancel gives the same answer');
select pg_temp.changes_nothing(format('select cancel(job_id => %L, actor => %L)', pg_temp.id(1), 'bob'), 'a second cancel changes nothing');

select submit(job_id => pg_temp.id(2), next_need => 'ca.scheduled', available_at => now() + interval '1 hour');
select is(cancel(job_id => pg_temp.id(2), actor => 'ann'), 'cancelled', 'a scheduled job is cancelled at once');
select submit(job_id => pg_temp.id(3), next_need => 'ca.first', available_at => now() + interval '1 hour');
select submit(job_id => pg_temp.id(4), next_need => 'ca.second', wait_for => array[pg_temp.id(3)]);
select is(cancel(job_id => pg_temp.id(4), actor => 'ann'), 'cancelled', 'a blocked job is cancelled at once');
select is_empty(format('select from dependency where job_id = %L', pg_temp.id(4)), 'it no longer waits for anything');
select complete_unheld(job_id => pg_temp.id(3), actor => 'ann');
select is(pg_temp.state(pg_temp.id(4)), 'cancelled', 'the end of its former dependency does not change it');

select submit(job_id => pg_temp.id(5), next_need => 'ca.dead');
select fail_unheld(job_id => pg_temp.id(5), actor => 'ann', error => 'no', retryable => false);
select is(cancel(job_id => pg_temp.id(5), actor => 'ann'), 'cancelled', 'a dead job is cancelled at once');
select is_empty(format('select from dead_letter where job_id = %L', pg_temp.id(5)), 'it is no longer a dead letter');
select is((select concat_ws(' ', i.error, i.dead_reason) from job(pg_temp.id(5)) as i), 'no', 'it keeps its error, but not its dead_reason');
select pg_temp.refused(format('select redrive(job_id => %L, actor => %L)', pg_temp.id(5), 'ann'), 'LH007', 'it cannot be redriven');

select submit(job_id => pg_temp.id(6), next_need => 'ca.done');
select complete_unheld(job_id => pg_temp.id(6), actor => 'ann');
select is(cancel(job_id => pg_temp.id(6), actor => 'ann'), 'succeeded', 'a job that succeeded is answered as succeeded');
select pg_temp.changes_nothing(format('select cancel(job_id => %L, actor => %L)', pg_temp.id(6), 'ann'), 'a job that succeeded is not changed');

-- A leased job -----------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(10), next_need => 'ca.leased');
select lease_id from get_work(worker_id => 'w', capabilities => '{ca.leased}') \gset
select is(cancel(job_id => pg_temp.id(10), actor => 'ann', reason => 'too late'), 'leased', 'a leased job stays leased');
select ok((job(pg_temp.id(10))).cancel_requested, 'its cancellation is requested');
select results_eq(
    format('select event, actor, state, detail from departure where job_id = %L', pg_temp.id(10)),
    $$ values ('cancel_requested', 'ann', 'leased', 'too late') $$, 'the history has the actor and the reason'
);
select is(cancel(job_id => pg_temp.id(10), actor => 'bob'), 'leased', 'a second cancel gives the same answer');
select pg_temp.changes_nothing(format('select cancel(job_id => %L, actor => %L)', pg_temp.id(10), 'bob'), 'a second cancel changes nothing');
select pg_temp.refused(format('select extend(job_id => %L, lease_id => %L)', pg_temp.id(10), :'lease_id'), 'LH007', 'extend tells the worker to stop');
select pg_temp.refused(format('select reschedule(job_id => %L, lease_id => %L)', pg_temp.id(10), :'lease_id'), 'LH007', 'reschedule tells the worker to stop too');
select is(complete(job_id => pg_temp.id(10), lease_id => :'lease_id', result => '1'), true, 'complete still succeeds: the work was done');
select is(pg_temp.state(pg_temp.id(10)), 'succeeded', 'the job has succeeded');
select is(cancel(job_id => pg_temp.id(10), actor => 'ann'), 'succeeded', 'cancel says so from then on');

select job_id as failed, lease_id as failed_lease from pg_temp.leased('ca.failed') \gset
select cancel(job_id => :'failed', actor => 'ann');
select results_eq(
    format('select state, available_at, attempt from fail(job_id => %L, lease_id => %L, error => %L)', :'failed', :'failed_lease', 'no'),
    $$ values ('cancelled', null::timestamptz, 1) $$, 'fail ends it cancelled'
);
select is(pg_temp.said(format('select state from fail(job_id => %L, lease_id => %L, error => %L)', :'failed', :'failed_lease', 'no')), 'cancelled',
    'a repeated fail gets the same answer');
select job_id as given, lease_id as given_lease from pg_temp.leased('ca.given') \gset
select cancel(job_id => :'given', actor => 'ann');
select is((release(job_id => :'given', lease_id => :'given_lease')).state, 'cancelled', 'release ends it cancelled');
select is(pg_temp.said(format('select state from release(job_id => %L, lease_id => %L)', :'given', :'given_lease')), 'cancelled', 'a repeated release gets the same answer');
select pg_temp.refused(format('select complete(job_id => %L, lease_id => %L)', :'given', :'given_lease'), 'LH007', 'a complete after that is too late');

select job_id as late from pg_temp.leased('ca.late') \gset
select cancel(job_id => :'late', actor => 'ann');
select pg_temp.run_out(:'late');
select sweep();
select is(pg_temp.state(:'late'), 'cancelled', 'the expiry of its lease ends it cancelled');
select job_id as later from pg_temp.leased('ca.later') \gset
select cancel(job_id => :'later', actor => 'ann');
select pg_temp.run_out(:'later');
select is_empty($$ select from get_work(worker_id => 'w', capabilities => '{ca.other}') $$, 'a worker of another need finds nothing');
select is(pg_temp.state(:'later'), 'cancelled', 'but its call also sees the expired lease');

-- an expired lease
select job_id as gone, lease_id as gone_lease from pg_temp.leased('ca.gone') \gset
select pg_temp.run_out(:'gone');
select is(cancel(job_id => :'gone', actor => 'ann'), 'cancelled', 'nobody holds a job whose lease has expired');
select pg_temp.refused(format('select complete(job_id => %L, lease_id => %L)', :'gone', :'gone_lease'), 'LH007', 'its worker is told that it was cancelled');
select job_id as looked, lease_id as looked_lease from pg_temp.leased('ca.looked') \gset
select cancel(job_id => :'looked', actor => 'ann');
select pg_temp.run_out(:'looked');
select is(cancel(job_id => :'looked', actor => 'ann'), 'cancelled', 'a second cancel sees the expired lease');

-- a request for cancellation ends with its lease
select job_id as second from pg_temp.leased('ca.second_life') \gset
select is(cancel(job_id => :'second', actor => 'ann'), 'leased', 'a leased job''s cancellation is requested');
select pg_temp.run_out(:'second');
select sweep();
select is((select count(*) from departure where job_id = :'second' and state = 'cancelled'), 1::bigint, 'its end is in the history once');

-- Dependents -------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(20), next_need => 'ca.parent');
select submit(job_id => pg_temp.id(20 + p.n), next_need => 'ca.child', wait_for => array[pg_temp.id(20)], on_dependency_failure => p.policy)
from (values (1, 'hold'), (2, 'cascade'), (3, 'release')) as p (n, policy);
select cancel(job_id => pg_temp.id(20), actor => 'ann');
select is(pg_temp.state(pg_temp.id(21)), 'dead', 'hold: the dependent dies with a cancelled job');
select is((job(pg_temp.id(21))).dead_reason, 'dependency_failed', 'its dead_reason is dependency_failed');
select is(pg_temp.state(pg_temp.id(22)), 'cancelled', 'cascade: the dependent is cancelled with it');
select is(pg_temp.state(pg_temp.id(23)), 'ready', 'release: the dependent goes ahead');

-- Refusals ---------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(30), next_need => 'ca.arguments');
select pg_temp.refused(format('select cancel(job_id => %L, actor => %L)', pg_temp.id(99), 'ann'), 'LH003', 'an unknown job');
select pg_temp.refused('select cancel(job_id => null, actor => ''ann'')', 'LH010', 'job_id: null');
select pg_temp.refused(format('select cancel(job_id => %L, actor => %s)', pg_temp.id(30), a.actor), 'LH010', 'actor: ' || a.name)
from (values ('null', 'null'), ('''''', 'empty'), ('repeat(''x'', 201)', 'too long'), ('repeat(''é'', 101)', 'too long in bytes')) as a (actor, name);
select pg_temp.refused(format('select cancel(job_id => %L, actor => %L, reason => %s)', pg_temp.id(30), 'ann', a.reason), 'LH010', 'reason: ' || a.name)
from (values ('''''', 'empty'), ('repeat(''x'', 1001)', 'too long')) as a (reason, name);
select pg_temp.refused(format('select cancel(job_id => %L, actor => %L)', pg_temp.id(1), ''), 'LH010', 'actor: empty, even if there is nothing to do');
select is(pg_temp.state(pg_temp.id(30)), 'ready', 'after all these refusals the job is unchanged');
select is(cancel(job_id => pg_temp.id(30), actor => repeat('é', 100), reason => repeat('x', 1000)), 'cancelled', 'an actor of 200 bytes and a reason of 1,000 are accepted');

-- ids and keys are kept as long as the job is
select pg_temp.refused(format('select submit(job_id => %L, next_need => %L)', pg_temp.id(30), 'ca.again'), 'LH005', 'its id cannot be used again');
select submit(next_need => 'ca.key', idempotency_key => 'once');
select cancel(job_id => s.job_id, actor => 'ann') from submit(next_need => 'ca.key', idempotency_key => 'once') as s;
select results_eq($$ select created, state from submit(next_need => 'ca.key', idempotency_key => 'once') $$, $$ values (false, 'cancelled') $$,
    'its idempotency key answers with the cancelled job');

select * from finish();
rollback;
