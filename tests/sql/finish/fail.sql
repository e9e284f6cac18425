-- fail: ends an attempt as failed. The job backs off or is buried.

begin;
select plan(112);
\ir ../include/support.sql
\ir ../include/named.sql

-- How far ahead its next time lies; up to a second may have passed on the way here.
create function pg_temp.waits(name text, shortest interval, longest interval) returns boolean language sql as $waits$
    select (job(pg_temp.job(name))).available_at - clock_timestamp() between shortest - interval '1 s' and longest;
$waits$;

-- Leases a job anew, whatever its next time.
create function pg_temp.again(name text) returns void language sql as $again$
    select pg_temp.is_due(pg_temp.job(name));
    select pg_temp.take(name);
$again$;

-- Attempts are left: the job backs off ----------------------------------------------------------------

select pg_temp.held('plain') \gset
create temporary table said as
select f.* from fail(job_id => pg_temp.job('plain'), lease_id => pg_temp.lease('plain'), error => 'no answer', error_code => 'E17') as f;
select results_eq(
    'select s.state, s.attempt from said as s', $$ values ('scheduled', 1) $$,
    'fail returns scheduled and the attempt that failed'
);
select is(
    (select s.available_at from said as s), (job(pg_temp.job('plain'))).available_at,
    'it returns when the job is tried again'
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
select is_empty($$ select from get_work('worker', '{a.plain}') $$, 'nobody gets the job before its time');
select pg_temp.is_due(pg_temp.job('plain')) \gset
select results_eq(
    $$ select w.job_id, w.attempt from get_work('worker', '{a.plain}') as w $$,
    $$ values (pg_temp.job('plain'), 2) $$,
    'when its time has come, the next lease is the next attempt'
);

-- No attempt is left: the job is buried -----------------------------------------------------------------

select pg_temp.held('three') \gset
select fail(pg_temp.job('three'), pg_temp.lease('three'), 'first') \gset
select pg_temp.again('three') \gset
select fail(pg_temp.job('three'), pg_temp.lease('three'), 'second') \gset
select ok(pg_temp.waits('three', '216 s', '264 s'), 'the second failure waits four minutes');
select pg_temp.again('three') \gset
select results_eq(
    $$ select f.state, f.available_at, f.attempt from fail(pg_temp.job('three'), pg_temp.lease('three'), 'third', error_code => 'E3') as f $$,
    $$ values ('dead', null::timestamptz, 3) $$,
    'the third of three attempts is the last: the job is dead, without a next time'
);
select results_eq(
    $$ select i.state, i.dead_reason, i.error, i.error_code, i.attempt, i.archived from job(pg_temp.job('three')) as i $$,
    $$ values ('dead', 'attempts_exhausted', 'third', 'E3', 3, false) $$,
    'its dead_reason is that its attempts are used up, and it keeps the last error'
);
select is(
    (select d.dead_reason from dead_letter as d where d.job_id = pg_temp.job('three')), 'attempts_exhausted', 'it is a dead letter'
);
select is_empty($$ select from get_work('worker', '{a.three}') $$, 'nobody gets it');

select pg_temp.keep('single', submit('a.single', max_attempts => 1)) \gset
select pg_temp.take('single') \gset
select is((fail(pg_temp.job('single'), pg_temp.lease('single'), 'no')).state, 'dead', 'with max_attempts 1 there is no second attempt');
select set_setting('max_attempts', '2') \gset
select pg_temp.held('pair') \gset
select is((fail(pg_temp.job('pair'), pg_temp.lease('pair'), 'no')).state, 'scheduled', 'the setting max_attempts applies to jobs without a number of their own: one of two');
select pg_temp.again('pair') \gset
select is((fail(pg_temp.job('pair'), pg_temp.lease('pair'), 'no')).state, 'dead', 'two of two');
select set_setting('max_attempts', null) \gset

select pg_temp.held('hopeless') \gset
select results_eq(
    $$ select f.state, f.attempt from fail(pg_temp.job('hopeless'), pg_temp.lease('hopeless'), 'no', retryable => false, retry_after => '1 s') as f $$,
    $$ values ('dead', 1) $$,
    'an error that is not retryable buries the job at once, even if attempts are left'
);
select is((job(pg_temp.job('hopeless'))).dead_reason, 'not_retryable', 'that is its dead_reason');

-- The time of the next attempt ------------------------------------------------------------------------

select pg_temp.held('after') \gset
select fail(pg_temp.job('after'), pg_temp.lease('after'), 'no', retry_after => '2 hours') \gset
select ok(pg_temp.waits('after', '2 hours', '2 hours'), 'retry_after is used as it is, without jitter');
select pg_temp.held('at_once') \gset
select is(
    (fail(pg_temp.job('at_once'), pg_temp.lease('at_once'), 'no', retry_after => '0')).state, 'scheduled', 'retry_after 0 is scheduled too'
);
select is((select w.attempt from get_work('worker', '{a.at_once}') as w), 2, 'the next get_work claims the job');

-- Each policy, and the bounds of the wait after attempts 1, 2 and 3.
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
    (select bool_and(j.wait between interval '800 s' and interval '1201 s') from jitter as j), 'jitter 0.2 stays within a fifth either way'
);
select ok(
    (select min(j.wait) < interval '950 s' and max(j.wait) > interval '1050 s' from jitter as j), 'the jitter goes both ways'
);
select set_setting('retry', '{"kind": "fixed", "initial": "1 hour", "jitter": 0}') \gset
select ok(
    pg_temp.nth_wait(null, 2) between interval '1 hour' and interval '1 hour 1 s', 'the setting retry applies to jobs without a policy of their own'
);
select set_setting('retry', null) \gset

-- Errors that are retried ---------------------------------------------------------------------------------

create function pg_temp.after_error(patterns jsonb, error text, error_code text default null, retryable boolean default true) returns text
language plpgsql as $after_error$
begin
    perform pg_temp.keep('pattern', submit('a.pattern', retry => jsonb_build_object('retryable', patterns)));
    perform pg_temp.take('pattern');
    return (fail(pg_temp.job('pattern'), pg_temp.lease('pattern'), error, retryable, error_code => after_error.error_code)).state;
end
$after_error$;
select is(pg_temp.after_error('["timeout%"]', 'timeout after 3 s'), 'scheduled', 'an error that matches a pattern is retried');
select is(pg_temp.after_error('["timeout%"]', 'no such host'), 'dead', 'an error that matches no pattern is not retried');
select is((job(pg_temp.job('pattern'))).dead_reason, 'not_retryable', 'its dead_reason is that it is not retryable');
select is(pg_temp.after_error('["40%", "timeout%"]', 'no', '40P01'), 'scheduled', 'if there is an error_code, it is what is matched');
select is(pg_temp.after_error('["timeout%"]', 'timeout after 3 s', 'E1'), 'dead', 'the error text is then not matched');
select is(pg_temp.after_error('["timeout%"]', 'timeout', null, false), 'dead', 'retryable => false wins over a pattern that matches');
select is(pg_temp.after_error('[]', 'timeout'), 'dead', 'an empty list of patterns retries nothing');
select is(pg_temp.after_error('["%"]', e'two\nlines'), 'scheduled', '% matches anything');
select is(pg_temp.after_error('["a\\_b"]', 'axb'), 'dead', 'a backslash makes the next character literal');
select is(pg_temp.after_error('["Timeout%"]', 'timeout'), 'dead', 'patterns are case-sensitive');

-- The error that is kept ---------------------------------------------------------------------------------

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
select is(pg_temp.kept(e'two\n\tlines'), e'two\n\tlines', 'its line breaks stay');
select is(pg_temp.kept(e'a\u0001b\u001bc'), 'a?b?c', 'control characters are replaced');
select is(length(pg_temp.kept(repeat('é', 100000))), 10000, 'a long error text is cut, not refused');
select is(pg_temp.kept(repeat(e'x\u0001', 135000000)), repeat('x?', 5000), 'so is one that is longer than a regular expression can take');
select isnt(pg_temp.kept(null), null, 'a null error is not refused: a replacement is kept');
select isnt(pg_temp.kept(''), '', 'an empty error is not refused either');
select is(pg_temp.kept('x', repeat('c', 10000)), 'x', 'a long error_code is not refused');
select cmp_ok(length((job(pg_temp.job('text'))).error_code), '<=', 200, 'it is cut too');

-- expires_at ------------------------------------------------------------------------------------------------

select pg_temp.keep('short', submit('a.short', expires_at => clock_timestamp() + interval '30 s')) \gset
select pg_temp.take('short') \gset
select is(
    (fail(pg_temp.job('short'), pg_temp.lease('short'), 'no')).state, 'dead', 'a job whose next time would not be before its expires_at is buried at once'
);
select results_eq(
    $$ select i.dead_reason, i.error from job(pg_temp.job('short')) as i $$, $$ values ('expired', 'no') $$, 'it is dead as expired, with its error'
);
select pg_temp.keep('long', submit('a.long', expires_at => clock_timestamp() + interval '5 minutes')) \gset
select pg_temp.take('long') \gset
select is((fail(pg_temp.job('long'), pg_temp.lease('long'), 'no')).state, 'scheduled', 'a job whose next time is before its expires_at backs off');
select pg_temp.keep('tight', submit('a.tight', expires_at => clock_timestamp() + interval '30 s')) \gset
select pg_temp.take('tight') \gset
select is(
    (fail(pg_temp.job('tight'), pg_temp.lease('tight'), 'no', retry_after => '1 s')).state, 'scheduled', 'a short retry_after lets it back off'
);

-- Late, and after crashes -------------------------------------------------------------------------------------

select pg_temp.held('late') \gset
select pg_temp.run_out(pg_temp.job('late')) \gset
select is((fail(pg_temp.job('late'), pg_temp.lease('late'), 'no')).state, 'scheduled', 'an expired lease that nobody has reclaimed can still fail');
select pg_temp.keep('crashes', submit('a.crashes', max_attempts => 10)) \gset
select pg_temp.take('crashes') \gset
select pg_temp.run_out(pg_temp.job('crashes')) \gset
select sweep() \gset
select pg_temp.again('crashes') \gset
select is((job(pg_temp.job('crashes'))).crashes, 1, 'a crash is counted …');
select fail(pg_temp.job('crashes'), pg_temp.lease('crashes'), 'no') \gset
select is((job(pg_temp.job('crashes'))).crashes, 0, '… until an attempt ends by fail: the count of crashes starts again');
select is((job(pg_temp.job('crashes'))).attempt, 2, 'the count of attempts does not');

-- Repeated calls -------------------------------------------------------------------------------------------------

select pg_temp.held('twice') \gset
create temporary table first_answer as select f.* from fail(pg_temp.job('twice'), pg_temp.lease('twice'), 'no') as f;
select pg_temp.changes_nothing($$ select fail(pg_temp.job('twice'), pg_temp.lease('twice'), 'another', false) $$, 'a repeated call of the same lease changes nothing');
select results_eq(
    $$ select f.* from fail(pg_temp.job('twice'), pg_temp.lease('twice'), 'another', false) as f $$, 'select * from first_answer',
    'it gives the same answer, to the microsecond'
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
    'the lease that buried its job gets the same answer again'
);
select pg_temp.refused(
    $$ select fail(pg_temp.job('three'), gen_random_uuid(), 'x') $$, 'LH008', 'an unknown lease does not get that answer'
);
select pg_temp.held('ended_after') \gset
create temporary table then_cancelled as select f.* from fail(pg_temp.job('ended_after'), pg_temp.lease('ended_after'), 'no') as f;
select cancel(pg_temp.job('ended_after'), 'operator') \gset
select pg_temp.answers(
    $$ select f.* from fail(pg_temp.job('ended_after'), pg_temp.lease('ended_after'), 'no') as f $$, 'select * from then_cancelled',
    'the same answer comes before any other, even if a person has cancelled the job since'
);
select pg_temp.held('done_after') \gset
create temporary table then_done as select f.* from fail(pg_temp.job('done_after'), pg_temp.lease('done_after'), 'no') as f;
select complete_unheld(pg_temp.job('done_after'), 'operator') \gset
select pg_temp.answers(
    $$ select f.* from fail(pg_temp.job('done_after'), pg_temp.lease('done_after'), 'no') as f $$, 'select * from then_done',
    'the same answer comes even if a person has completed the job since'
);
select pg_temp.keep('redriven', submit('a.redriven', max_attempts => 1)) \gset
select pg_temp.take('redriven') \gset
select fail(pg_temp.job('redriven'), pg_temp.lease('redriven'), 'no') \gset
select redrive(pg_temp.job('redriven'), 'operator') \gset
select pg_temp.answers(
    $$ select f.* from fail(pg_temp.job('redriven'), pg_temp.lease('redriven'), 'no') as f $$, $$ values ('dead', null::timestamptz, 1) $$,
    'the same answer comes even if the job was redriven since, because it was not leased again'
);
select is(pg_temp.state_of('redriven'), 'ready', 'the repeated fail does not change the job');

-- Cancellation was requested -----------------------------------------------------------------------------------------

select pg_temp.held('stop') \gset
select cancel(pg_temp.job('stop'), 'operator') \gset
select results_eq(
    $$ select f.* from fail(pg_temp.job('stop'), pg_temp.lease('stop'), 'no') as f $$, $$ values ('cancelled', null::timestamptz, 1) $$,
    'fail ends the job cancelled if cancellation was requested'
);
select is(pg_temp.state_of('stop'), 'cancelled', 'the job is cancelled');
select results_eq(
    $$ select f.* from fail(pg_temp.job('stop'), pg_temp.lease('stop'), 'no') as f $$, $$ values ('cancelled', null::timestamptz, 1) $$,
    'a repeated call gets the same answer'
);
select pg_temp.refused($$ select fail(pg_temp.job('stop'), gen_random_uuid(), 'no') $$, 'LH007', 'another lease: LH007');

-- The error of each attempt ------------------------------------------------------------------------------------------

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
    'the history has the error of every attempt, not only the last: cleaned and cut as in the job'
);
select pg_temp.held('told') \gset
select cancel(pg_temp.job('told'), 'ann') \gset
select fail(pg_temp.job('told'), pg_temp.lease('told'), 'stopped half way', error_code => 'E5') \gset
select results_eq(
    $$ select d.error, d.error_code from departure as d where d.job_id = pg_temp.job('told') and d.event = 'cancelled' $$,
    $$ values ('stopped half way', 'E5') $$,
    'so it has that of an attempt whose cancellation was requested'
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
    'a dependent of a job that backs off goes on waiting'
);
select pg_temp.again('parent') \gset
select fail(pg_temp.job('parent'), pg_temp.lease('parent'), 'no') \gset
select is(pg_temp.state_of('holds'), 'blocked', 'hold: the dependent waits until the dead dependency is redriven');
select results_eq(
    $$ select i.state, i.dead_reason from job(pg_temp.job('cascades')) as i $$, $$ values ('dead', 'dependency_failed') $$,
    'cascade: the dependent dies with it, as dependency_failed'
);
select is(pg_temp.state_of('goes_on'), 'ready', 'release: the dependent goes ahead');
select sweep() \gset
select results_eq(
    $$ select i.state, i.dead_reason from job(pg_temp.job('grandchild')) as i $$, $$ values ('dead', 'dependency_failed') $$,
    'and so on along the chain: a cascade dies of a cascade'
);
select is(pg_temp.state_of('heir'), 'ready', 'a release goes ahead after it');

-- Its singleton key ----------------------------------------------------------------------------------------------------------

select pg_temp.keep('k1', submit('key.a', singleton_key => 'k')) \gset
select pg_temp.keep('k2', submit('key.a', singleton_key => 'k')) \gset
select pg_temp.take('k1') \gset
select fail(pg_temp.job('k1'), pg_temp.lease('k1'), 'no', retry_after => '0') \gset
select is((select w.job_id from get_work('worker', '{key.a}') as w), pg_temp.job('k2'), 'while the job backs off, the next of its key has its turn');
select is_empty($$ select from get_work('worker', '{key.a}') $$, 'the job then waits for that one');

-- Leases that are not current ----------------------------------------------------------------------------------------------

select pg_temp.refused_leases('select fail(%L, %L, ''no'')');
select pg_temp.held('done') \gset
select complete(pg_temp.job('done'), pg_temp.lease('done')) \gset
select pg_temp.refused($$ select fail(pg_temp.job('done'), pg_temp.lease('done'), 'no') $$, 'LH008', 'the lease that completed the job cannot fail it');
select pg_temp.held('back') \gset
select release(pg_temp.job('back'), pg_temp.lease('back')) \gset
select pg_temp.refused($$ select fail(pg_temp.job('back'), pg_temp.lease('back'), 'no') $$, 'LH001', 'a lease that released the job cannot fail it');

-- Arguments ----------------------------------------------------------------------------------------------------------------

select pg_temp.held('x') \gset
select pg_temp.refused(format($$ select fail(pg_temp.job('x'), pg_temp.lease('x'), 'no', %s) $$, v.arguments), 'LH010', v.test || ': LH010')
from (values
    ($$ retry_after => '-1 s' $$, 'a negative retry_after'),
    ($$ retry_after => '-1 microsecond' $$, 'a retry_after just below zero'),
    ($$ retry_after => '367 days' $$, 'a retry_after of more than a year'),
    ($$ retry_after => '100000 years' $$, 'a retry_after past the largest timestamp'),
    (case when current_setting('server_version_num')::integer >= 170000 then $$ retry_after => 'infinity' $$ else $$ retry_after => '170000000 years' $$ end, 'an infinite retry_after')
) as v (arguments, test);
select is(pg_temp.state_of('x'), 'leased', 'after all these refusals the lease is still current');

select * from finish();
rollback;
