-- fail: an attempt failed. The job backs off, or is buried.

begin;
select plan(112);
\ir ../include/support.sql
\ir ../include/named.sql

-- How far its next time lies ahead: no more than a second was lost on the way here.
create function pg_temp.waits(name text, shortest interval, longest interval) returns boolean language sql as $waits$
    select (job(pg_temp.job(name))).available_at - clock_timestamp() between shortest - interval '1 s' and longest;
$waits$;

-- Leases a job anew, whatever it waits for.
create function pg_temp.again(name text) returns void language sql as $again$
    select pg_temp.is_due(pg_temp.job(name));
    select pg_temp.take(name);
$again$;

-- Attempts left: it backs off -------------------------------------------------------------------------

select pg_temp.held('plain') \gset
create temporary table said as
select f.* from fail(job_id => pg_temp.job('plain'), lease_id => pg_temp.lease('plain'), error => 'no answer', error_code => 'E17') as f;
select results_eq(
    'select s.state, s.attempt from said as s', $$ values ('scheduled', 1) $$,
    'fail returns scheduled, and the attempt that failed'
);
select is(
    (select s.available_at from said as s), (job(pg_temp.job('plain'))).available_at,
    'and when it is tried again'
);
select results_eq(
    $$ select i.state, i.attempt, i.error, i.error_code, i.crashes, i.dead_reason, i.archived from job(pg_temp.job('plain')) as i $$,
    $$ values ('scheduled', 1, 'no answer', 'E17', 0, null::text, false) $$,
    'the job is scheduled, with its error'
);
select ok(pg_temp.waits('plain', '54 s', '66 s'), 'by default the first failure waits a minute, give or take a tenth');
select results_eq(
    $$ select d.event, d.actor, d.state, d.attempt, d.error, d.error_code from departure as d where d.job_id = pg_temp.job('plain') $$,
    $$ values ('fail', 'worker', 'scheduled', 1, 'no answer', 'E17') $$,
    'a failed attempt is in the history, with its worker and its error'
);
select is_empty($$ select from get_work('worker', '{a.plain}') $$, 'nobody gets it before its time');
select pg_temp.is_due(pg_temp.job('plain')) \gset
select results_eq(
    $$ select w.job_id, w.attempt from get_work('worker', '{a.plain}') as w $$,
    $$ values (pg_temp.job('plain'), 2) $$,
    'when its time has come it is the next attempt'
);

-- None left: it is buried -------------------------------------------------------------------------------

select pg_temp.held('three') \gset
select fail(pg_temp.job('three'), pg_temp.lease('three'), 'first') \gset
select pg_temp.again('three') \gset
select fail(pg_temp.job('three'), pg_temp.lease('three'), 'second') \gset
select ok(pg_temp.waits('three', '216 s', '264 s'), 'the second failure waits four minutes');
select pg_temp.again('three') \gset
select results_eq(
    $$ select f.state, f.available_at, f.attempt from fail(pg_temp.job('three'), pg_temp.lease('three'), 'third', error_code => 'E3') as f $$,
    $$ values ('dead', null::timestamptz, 3) $$,
    'the third of three attempts is the last: dead, with no next time'
);
select results_eq(
    $$ select i.state, i.dead_reason, i.error, i.error_code, i.attempt, i.archived from job(pg_temp.job('three')) as i $$,
    $$ values ('dead', 'attempts_exhausted', 'third', 'E3', 3, false) $$,
    'it is dead because its attempts are used up, and says how the last one failed'
);
select is(
    (select d.dead_reason from dead_letter as d where d.job_id = pg_temp.job('three')), 'attempts_exhausted', 'it is a dead letter'
);
select is_empty($$ select from get_work('worker', '{a.three}') $$, 'and nobody gets it');

select pg_temp.keep('single', submit('a.single', max_attempts => 1)) \gset
select pg_temp.take('single') \gset
select is((fail(pg_temp.job('single'), pg_temp.lease('single'), 'no')).state, 'dead', 'max_attempts 1: no second time');
select set_setting('max_attempts', '2') \gset
select pg_temp.held('pair') \gset
select is((fail(pg_temp.job('pair'), pg_temp.lease('pair'), 'no')).state, 'scheduled', 'the setting max_attempts goes for jobs that name none: one of two');
select pg_temp.again('pair') \gset
select is((fail(pg_temp.job('pair'), pg_temp.lease('pair'), 'no')).state, 'dead', 'two of two');
select set_setting('max_attempts', null) \gset

select pg_temp.held('hopeless') \gset
select results_eq(
    $$ select f.state, f.attempt from fail(pg_temp.job('hopeless'), pg_temp.lease('hopeless'), 'no', retryable => false, retry_after => '1 s') as f $$,
    $$ values ('dead', 1) $$,
    'an error that is not retryable buries at once, whatever is left'
);
select is((job(pg_temp.job('hopeless'))).dead_reason, 'not_retryable', 'and that is the reason');

-- When ------------------------------------------------------------------------------------------------

select pg_temp.held('after') \gset
select fail(pg_temp.job('after'), pg_temp.lease('after'), 'no', retry_after => '2 hours') \gset
select ok(pg_temp.waits('after', '2 hours', '2 hours'), 'retry_after is taken as it is, without jitter');
select pg_temp.held('at_once') \gset
select is(
    (fail(pg_temp.job('at_once'), pg_temp.lease('at_once'), 'no', retry_after => '0')).state, 'scheduled', 'retry_after 0 is scheduled too'
);
select is((select w.attempt from get_work('worker', '{a.at_once}') as w), 2, 'and the next get_work takes it');

-- Each policy, and the bounds of the wait after attempts 1, 2, 3.
create temporary table policy (name text, retry jsonb, nth integer, shortest interval, longest interval);
insert into policy values
('quadratic', '{"kind": "quadratic", "initial": "10 s", "jitter": 0}', 1, '10 s', '10 s'),
('quadratic', '{"kind": "quadratic", "initial": "10 s", "jitter": 0}', 2, '40 s', '40 s'),
('quadratic', '{"kind": "quadratic", "initial": "10 s", "jitter": 0}', 3, '90 s', '90 s'),
('exponential', '{"kind": "exponential", "initial": "10 s", "multiplier": 3, "jitter": 0}', 1, '10 s', '10 s'),
('exponential', '{"kind": "exponential", "initial": "10 s", "multiplier": 3, "jitter": 0}', 2, '30 s', '30 s'),
('exponential', '{"kind": "exponential", "initial": "10 s", "multiplier": 3, "jitter": 0}', 3, '90 s', '90 s'),
('doubling', '{"kind": "exponential", "initial": "10 s", "jitter": 0}', 3, '40 s', '40 s'),
('fixed', '{"kind": "fixed", "initial": "10 s", "jitter": 0}', 1, '10 s', '10 s'),
('fixed', '{"kind": "fixed", "initial": "10 s", "jitter": 0}', 3, '10 s', '10 s'),
('capped', '{"kind": "exponential", "initial": "10 s", "multiplier": 1000, "max": "1 minute", "jitter": 0}', 3, '1 minute', '1 minute'),
('cap of a day', '{"kind": "exponential", "initial": "1 hour", "multiplier": 1000, "jitter": 0}', 3, '1 day', '1 day'),
('wild', '{"kind": "fixed", "initial": "100 s", "jitter": 1}', 1, '0', '200 s'),
('initial alone', '{"initial": "100 s"}', 2, '360 s', '440 s'),
('empty', '{}', 1, '54 s', '66 s'),
('no wait', '{"kind": "fixed", "initial": "0 s"}', 1, '0', '0');
create function pg_temp.nth_wait(retry jsonb, nth integer) returns interval language plpgsql as $nth_wait$
declare
    v_now       timestamptz;
    v_outcome   outcome;
begin
    perform pg_temp.keep('policy', submit('a.policy', retry => nth_wait.retry, max_attempts => 10));
    for v_turn in 1 .. nth loop
        perform pg_temp.again('policy');
        v_now := clock_timestamp();
        v_outcome := fail(pg_temp.job('policy'), pg_temp.lease('policy'), 'no');
    end loop;
    perform cancel(pg_temp.job('policy'), 'test');
    return v_outcome.available_at - v_now;
end
$nth_wait$;
select ok(
    pg_temp.nth_wait(p.retry, p.nth) between p.shortest and p.longest + interval '1 s',
    format('policy %s: attempt %s waits %s', p.name, p.nth, nullif(p.shortest || ' to ' || p.longest, p.shortest || ' to ' || p.shortest))
)
from policy as p;

create temporary table jitter as
select pg_temp.nth_wait('{"kind": "fixed", "initial": "1000 s", "jitter": 0.2}', 1) as wait from generate_series(1, 60);
select ok(
    (select bool_and(j.wait between interval '800 s' and interval '1201 s') from jitter as j), 'jitter 0.2 keeps within a fifth either way'
);
select ok(
    (select min(j.wait) < interval '950 s' and max(j.wait) > interval '1050 s' from jitter as j), 'and goes both ways'
);
select set_setting('retry', '{"kind": "fixed", "initial": "1 hour", "jitter": 0}') \gset
select ok(
    pg_temp.nth_wait(null, 2) between interval '1 hour' and interval '1 hour 1 s', 'the setting retry goes for jobs that name no policy'
);
select set_setting('retry', null) \gset

-- Which errors --------------------------------------------------------------------------------------------

create function pg_temp.after_error(patterns jsonb, error text, error_code text default null, retryable boolean default true) returns text
language plpgsql as $after_error$
begin
    perform pg_temp.keep('pattern', submit('a.pattern', retry => jsonb_build_object('retryable', patterns)));
    perform pg_temp.take('pattern');
    return (fail(pg_temp.job('pattern'), pg_temp.lease('pattern'), error, retryable, error_code => after_error.error_code)).state;
end
$after_error$;
select is(pg_temp.after_error('["timeout%"]', 'timeout after 3 s'), 'scheduled', 'an error that matches a pattern is retried');
select is(pg_temp.after_error('["timeout%"]', 'no such host'), 'dead', 'one that matches none is not');
select is((job(pg_temp.job('pattern'))).dead_reason, 'not_retryable', 'it is dead as not retryable');
select is(pg_temp.after_error('["40%", "timeout%"]', 'no', '40P01'), 'scheduled', 'the code is what is matched where there is one');
select is(pg_temp.after_error('["timeout%"]', 'timeout after 3 s', 'E1'), 'dead', 'and then the error does not count');
select is(pg_temp.after_error('["timeout%"]', 'timeout', null, false), 'dead', 'retryable => false wins over a pattern that matches');
select is(pg_temp.after_error('[]', 'timeout'), 'dead', 'an empty list of patterns retries nothing');
select is(pg_temp.after_error('["%"]', e'two\nlines'), 'scheduled', '% matches anything');
select is(pg_temp.after_error('["a\\_b"]', 'axb'), 'dead', 'a backslash makes the next character plain');
select is(pg_temp.after_error('["Timeout%"]', 'timeout'), 'dead', 'patterns are told apart by case');

-- What is kept of the error ------------------------------------------------------------------------------

create function pg_temp.kept(error text, error_code text default null) returns text language plpgsql as $kept$
declare
    v_error text := error;
begin
    perform pg_temp.held('text');
    perform fail(pg_temp.job('text'), pg_temp.lease('text'), error, error_code => kept.error_code);
    return (job(pg_temp.job('text'))).error;
end
$kept$;
select is(pg_temp.kept('é "quoted" ''%'' \ ; -- '), 'é "quoted" ''%'' \ ; -- ', 'an error text is data');
select is(pg_temp.kept(e'two\n\tlines'), e'two\n\tlines', 'its lines stay');
select is(pg_temp.kept(e'a\u0001b\u001bc'), 'a?b?c', 'control characters are replaced');
select is(length(pg_temp.kept(repeat('é', 100000))), 10000, 'a long one is cut, not refused');
select is(pg_temp.kept(repeat(e'x\u0001', 135000000)), repeat('x?', 5000), 'nor one that is longer than a regular expression can take');
select isnt(pg_temp.kept(null), null, 'none is not refused either: something stands for it');
select isnt(pg_temp.kept(''), '', 'nor is an empty one');
select is(pg_temp.kept('x', repeat('c', 10000)), 'x', 'nor a long code');
select cmp_ok(length((job(pg_temp.job('text'))).error_code), '<=', 200, 'which is cut too');

-- expires_at ------------------------------------------------------------------------------------------------

select pg_temp.keep('short', submit('a.short', expires_at => clock_timestamp() + interval '30 s')) \gset
select pg_temp.take('short') \gset
select is(
    (fail(pg_temp.job('short'), pg_temp.lease('short'), 'no')).state, 'dead', 'a job whose next time would not be before its expires_at dies there and then'
);
select results_eq(
    $$ select i.dead_reason, i.error from job(pg_temp.job('short')) as i $$, $$ values ('expired', 'no') $$, 'as expired, with its error'
);
select pg_temp.keep('long', submit('a.long', expires_at => clock_timestamp() + interval '5 minutes')) \gset
select pg_temp.take('long') \gset
select is((fail(pg_temp.job('long'), pg_temp.lease('long'), 'no')).state, 'scheduled', 'one whose next time is before it backs off');
select pg_temp.keep('tight', submit('a.tight', expires_at => clock_timestamp() + interval '30 s')) \gset
select pg_temp.take('tight') \gset
select is(
    (fail(pg_temp.job('tight'), pg_temp.lease('tight'), 'no', retry_after => '1 s')).state, 'scheduled', 'a short retry_after keeps it alive'
);

-- Late, and after crashes -------------------------------------------------------------------------------------

select pg_temp.held('late') \gset
select pg_temp.run_out(pg_temp.job('late')) \gset
select is((fail(pg_temp.job('late'), pg_temp.lease('late'), 'no')).state, 'scheduled', 'a lease that ran out and that nobody took can still fail');
select pg_temp.keep('crashes', submit('a.crashes', max_attempts => 10)) \gset
select pg_temp.take('crashes') \gset
select pg_temp.run_out(pg_temp.job('crashes')) \gset
select sweep() \gset
select pg_temp.again('crashes') \gset
select is((job(pg_temp.job('crashes'))).crashes, 1, 'a crash is counted …');
select fail(pg_temp.job('crashes'), pg_temp.lease('crashes'), 'no') \gset
select is((job(pg_temp.job('crashes'))).crashes, 0, '… until an attempt ends by fail: crashes start again');
select is((job(pg_temp.job('crashes'))).attempt, 2, 'attempts do not');

-- Said twice -----------------------------------------------------------------------------------------------------

select pg_temp.held('twice') \gset
create temporary table first_answer as select f.* from fail(pg_temp.job('twice'), pg_temp.lease('twice'), 'no') as f;
select pg_temp.changes_nothing($$ select fail(pg_temp.job('twice'), pg_temp.lease('twice'), 'another', false) $$, 'said again by the same lease it changes nothing');
select results_eq(
    $$ select f.* from fail(pg_temp.job('twice'), pg_temp.lease('twice'), 'another', false) as f $$, 'select * from first_answer',
    'and gives the same answer, to the microsecond'
);
select pg_temp.is_due(pg_temp.job('twice')) \gset
select sweep() \gset
select is(pg_temp.state_of('twice'), 'ready', 'the job goes on …');
select results_eq(
    $$ select f.* from fail(pg_temp.job('twice'), pg_temp.lease('twice'), 'no') as f $$, 'select * from first_answer',
    '… and the answer stays the same until the next grant'
);
create temporary table old_lease as select pg_temp.lease('twice') as lease_id;
select pg_temp.take('twice') \gset
select pg_temp.refused(
    $$ select fail(pg_temp.job('twice'), (select lease_id from old_lease), 'no') $$, 'LH001', 'after the next grant it is an earlier lease: LH001'
);
select results_eq(
    $$ select f.* from fail(pg_temp.job('three'), pg_temp.lease('three'), 'x') as f $$,
    $$ values ('dead', null::timestamptz, 3) $$,
    'the lease that buried its job hears so again'
);
select pg_temp.refused(
    $$ select fail(pg_temp.job('three'), gen_random_uuid(), 'x') $$, 'LH008', 'a lease that never was does not'
);
select pg_temp.held('ended_after') \gset
create temporary table then_cancelled as select f.* from fail(pg_temp.job('ended_after'), pg_temp.lease('ended_after'), 'no') as f;
select cancel(pg_temp.job('ended_after'), 'operator') \gset
select pg_temp.answers(
    $$ select f.* from fail(pg_temp.job('ended_after'), pg_temp.lease('ended_after'), 'no') as f $$, 'select * from then_cancelled',
    'the same answer, before any other: also when a person has cancelled the job since'
);
select pg_temp.held('done_after') \gset
create temporary table then_done as select f.* from fail(pg_temp.job('done_after'), pg_temp.lease('done_after'), 'no') as f;
select complete_unheld(pg_temp.job('done_after'), 'operator') \gset
select pg_temp.answers(
    $$ select f.* from fail(pg_temp.job('done_after'), pg_temp.lease('done_after'), 'no') as f $$, 'select * from then_done',
    'or completed it'
);
select pg_temp.keep('redriven', submit('a.redriven', max_attempts => 1)) \gset
select pg_temp.take('redriven') \gset
select fail(pg_temp.job('redriven'), pg_temp.lease('redriven'), 'no') \gset
select redrive(pg_temp.job('redriven'), 'operator') \gset
select pg_temp.answers(
    $$ select f.* from fail(pg_temp.job('redriven'), pg_temp.lease('redriven'), 'no') as f $$, $$ values ('dead', null::timestamptz, 1) $$,
    'or redriven it: there was no grant yet'
);
select is(pg_temp.state_of('redriven'), 'ready', 'and that changes nothing of it');

-- Where cancellation was asked for -----------------------------------------------------------------------------------

select pg_temp.held('stop') \gset
select cancel(pg_temp.job('stop'), 'operator') \gset
select results_eq(
    $$ select f.* from fail(pg_temp.job('stop'), pg_temp.lease('stop'), 'no') as f $$, $$ values ('cancelled', null::timestamptz, 1) $$,
    'fail ends the job cancelled where that was asked for'
);
select is(pg_temp.state_of('stop'), 'cancelled', 'and it is');
select results_eq(
    $$ select f.* from fail(pg_temp.job('stop'), pg_temp.lease('stop'), 'no') as f $$, $$ values ('cancelled', null::timestamptz, 1) $$,
    'said again: the same answer'
);
select pg_temp.refused($$ select fail(pg_temp.job('stop'), gen_random_uuid(), 'no') $$, 'LH007', 'to another lease: LH007');

-- What each attempt said ---------------------------------------------------------------------------------------------

select pg_temp.keep('said', submit('a.said', max_attempts => 4)) \gset
select pg_temp.take('said') \gset
select fail(pg_temp.job('said'), pg_temp.lease('said'), e'first\u0001', error_code => 'E1') \gset
select pg_temp.again('said') \gset
select fail(pg_temp.job('said'), pg_temp.lease('said'), repeat('é', 20000)) \gset
select pg_temp.again('said') \gset
select pg_temp.run_out(pg_temp.job('said')), sweep() \gset
select pg_temp.again('said') \gset
select fail(pg_temp.job('said'), pg_temp.lease('said'), 'fourth', error_code => 'E4') \gset
select results_eq(
    $$ select d.event, d.attempt, d.error, d.error_code from departure as d where d.job_id = pg_temp.job('said') order by d.at $$,
    $$
        values
            ('fail', 1, 'first?', 'E1'), ('fail', 2, repeat('é', 10000), null), ('reclaimed', 3, 'the lease ran out', null), ('buried', 4, 'fourth', 'E4')
    $$,
    'the error of every attempt is in the history, not the last alone: cleaned and cut as in the job'
);
select pg_temp.held('told') \gset
select cancel(pg_temp.job('told'), 'ann') \gset
select fail(pg_temp.job('told'), pg_temp.lease('told'), 'stopped half way', error_code => 'E5') \gset
select results_eq(
    $$ select d.error, d.error_code from departure as d where d.job_id = pg_temp.job('told') and d.event = 'cancelled' $$,
    $$ values ('stopped half way', 'E5') $$,
    'also that of one whose cancellation was asked for'
);

-- Who waits for it -------------------------------------------------------------------------------------------------------

select pg_temp.keep('parent', submit('a.parent', max_attempts => 2)) \gset
select pg_temp.keep('holds', submit('b.holds', wait_for => array[pg_temp.job('parent')])) \gset
select pg_temp.keep('cascades', submit('b.cascades', wait_for => array[pg_temp.job('parent')], on_dependency_failure => 'cascade')) \gset
select pg_temp.keep('goes_on', submit('b.goes_on', wait_for => array[pg_temp.job('parent')], on_dependency_failure => 'release')) \gset
select pg_temp.keep('grandchild', submit('b.grandchild', wait_for => array[pg_temp.job('cascades')], on_dependency_failure => 'cascade')) \gset
select pg_temp.keep('heir', submit('b.heir', wait_for => array[pg_temp.job('cascades')], on_dependency_failure => 'release')) \gset
select pg_temp.take('parent') \gset
select fail(pg_temp.job('parent'), pg_temp.lease('parent'), 'no') \gset
select results_eq(
    $$ select pg_temp.state_of(n) from unnest('{holds,cascades,goes_on,grandchild,heir}'::text[]) as n $$,
    $$ values ('blocked'), ('blocked'), ('blocked'), ('blocked'), ('blocked') $$,
    'what waits for a job that backs off goes on waiting'
);
select pg_temp.again('parent') \gset
select fail(pg_temp.job('parent'), pg_temp.lease('parent'), 'no') \gset
select is(pg_temp.state_of('holds'), 'blocked', 'hold: waits for a dead dependency to be redriven');
select results_eq(
    $$ select i.state, i.dead_reason from job(pg_temp.job('cascades')) as i $$, $$ values ('dead', 'dependency_failed') $$,
    'cascade: dies with it, as dependency_failed'
);
select is(pg_temp.state_of('goes_on'), 'ready', 'release: goes ahead');
select sweep() \gset
select results_eq(
    $$ select i.state, i.dead_reason from job(pg_temp.job('grandchild')) as i $$, $$ values ('dead', 'dependency_failed') $$,
    'and so on down the line: a cascade dies of a cascade'
);
select is(pg_temp.state_of('heir'), 'ready', 'a release is let go by it');

-- Its singleton key ----------------------------------------------------------------------------------------------------------

select pg_temp.keep('k1', submit('key.a', singleton_key => 'k')) \gset
select pg_temp.keep('k2', submit('key.a', singleton_key => 'k')) \gset
select pg_temp.take('k1') \gset
select fail(pg_temp.job('k1'), pg_temp.lease('k1'), 'no', retry_after => '0') \gset
select is((select w.job_id from get_work('worker', '{key.a}') as w), pg_temp.job('k2'), 'while it backs off the next of its key has its turn');
select is_empty($$ select from get_work('worker', '{key.a}') $$, 'and it waits for that one in turn');

-- Leases that are not current ----------------------------------------------------------------------------------------------

select pg_temp.refused_leases('select fail(%L, %L, ''no'')');
select pg_temp.held('done') \gset
select complete(pg_temp.job('done'), pg_temp.lease('done')) \gset
select pg_temp.refused($$ select fail(pg_temp.job('done'), pg_temp.lease('done'), 'no') $$, 'LH008', 'the lease that completed the job cannot fail it');
select pg_temp.held('back') \gset
select release(pg_temp.job('back'), pg_temp.lease('back')) \gset
select pg_temp.refused($$ select fail(pg_temp.job('back'), pg_temp.lease('back'), 'no') $$, 'LH001', 'nor can one that released it');

-- Arguments ----------------------------------------------------------------------------------------------------------------

select pg_temp.held('x') \gset
select pg_temp.refused(format($$ select fail(pg_temp.job('x'), pg_temp.lease('x'), 'no', %s) $$, v.arguments), 'LH010', v.test || ': LH010')
from (values
    ($$ retry_after => '-1 s' $$, 'a negative retry_after'),
    ($$ retry_after => '-1 microsecond' $$, 'a retry_after just below nothing'),
    ($$ retry_after => '367 days' $$, 'a retry_after of more than a year'),
    ($$ retry_after => '100000 years' $$, 'a retry_after past the end of time'),
    (case when current_setting('server_version_num')::integer >= 170000 then $$ retry_after => 'infinity' $$ else $$ retry_after => '170000000 years' $$ end, 'an infinite retry_after')
) as v (arguments, test);
select is(pg_temp.state_of('x'), 'leased', 'after all that the lease is still current');

select * from finish();
rollback;
