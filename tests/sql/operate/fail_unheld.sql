-- fail_unheld: fail for a job that nobody holds.

begin;
\ir ../include/support.sql
select plan(56);

-- The job backs off or is buried -----------------------------------------------------------------

select submit(job_id => pg_temp.id(1), next_need => 'fu.ready', retry => '{"kind": "fixed", "initial": "1 hour", "jitter": 0}');
select results_eq(
    format($$ select state, available_at between now() + interval '1 hour' and clock_timestamp() + interval '1 hour', attempt
        from fail_unheld(job_id => %L, actor => 'ann', error => 'printer on fire', error_code => 'fire') $$, pg_temp.id(1)),
    $$ values ('scheduled', true, 0) $$,
    'a ready job backs off by its policy, and no attempt is counted'
);
select is((job(pg_temp.id(1))).error, 'printer on fire', 'its error is kept');
select is((job(pg_temp.id(1))).error_code, 'fire', 'its error_code is kept');
select is((select count(*) from departure where job_id = pg_temp.id(1) and actor = 'ann'), 1::bigint, 'the actor is in the history');
select results_eq(
    format('select error, error_code from departure where job_id = %L', pg_temp.id(1)), $$ values ('printer on fire', 'fire') $$,
    'the error is in the history'
);
select is_empty($$ select * from get_work(worker_id => 'w', capabilities => '{fu.ready}') $$, 'no worker gets it before its time');
select results_eq(
    format($$ select state, available_at between now() + interval '5 s' and clock_timestamp() + interval '5 s'
        from fail_unheld(job_id => %L, actor => 'ann', error => 'again', retry_after => '5 s') $$, pg_temp.id(1)),
    $$ values ('scheduled', true) $$,
    'a scheduled job may fail too; retry_after says when'
);
select pg_temp.is_due(pg_temp.id(1));
select is((select attempt from get_work(worker_id => 'w', capabilities => '{fu.ready}')), 1, 'its first execution is attempt 1');

select submit(job_id => pg_temp.id(2), next_need => 'fu.final');
select results_eq(
    format($$ select state, available_at, attempt from fail_unheld(job_id => %L, actor => 'ann', error => 'no', retryable => false) $$, pg_temp.id(2)),
    $$ values ('dead', null::timestamptz, 0) $$,
    'an error that is not retryable buries it'
);
select is((job(pg_temp.id(2))).dead_reason, 'not_retryable', 'that is its dead_reason');
select isnt((job(pg_temp.id(2))).ended_at, null, 'its end is recorded');

select submit(job_id => pg_temp.id(3), next_need => 'fu.pattern', retry => '{"retryable": ["timeout%"]}');
select is((fail_unheld(job_id => pg_temp.id(3), actor => 'ann', error => 'timeout of disk')).state, 'scheduled',
    'an error that matches a retryable pattern is retried');
select is((fail_unheld(job_id => pg_temp.id(3), actor => 'ann', error => 'timeout of disk', error_code => 'disk')).state, 'dead',
    'if there is an error_code, that must match');
select submit(job_id => pg_temp.id(4), next_need => 'fu.pattern', retry => '{"retryable": ["timeout%"]}');
select is((fail_unheld(job_id => pg_temp.id(4), actor => 'ann', error => 'timeout', retryable => false)).state, 'dead', 'retryable => false wins');

-- attempts that workers used up count
select job_id as used, lease_id as used_lease
from submit(next_need => 'fu.used', max_attempts => 1) as s, get_work(worker_id => 'w', capabilities => '{fu.used}') as w (used_id, lease_id) \gset
select pg_temp.run_out(:'used');
select pg_temp.refused(format('select fail_unheld(job_id => %L, actor => %L, error => %L)', :'used', 'ann', 'no'), 'LH008',
    'a lease that expired in the last attempt leaves a dead job, which cannot fail');
select job_id as late from pg_temp.leased('fu.late') \gset
select pg_temp.run_out(:'late');
select results_eq(
    format($$ select state, attempt from fail_unheld(job_id => %L, actor => 'ann', error => 'no') $$, :'late'),
    $$ values ('scheduled', 1) $$,
    'nobody holds a job whose lease has expired'
);
select is((job(:'late')).crashes, 0, 'a fail resets its crashes');
select submit(job_id => pg_temp.id(5), next_need => 'fu.exhausted', max_attempts => 1);
select lease_id as exhausted_lease from get_work(worker_id => 'w', capabilities => '{fu.exhausted}') \gset
select release(job_id => pg_temp.id(5), lease_id => :'exhausted_lease');
select is((fail_unheld(job_id => pg_temp.id(5), actor => 'ann', error => 'no')).state, 'scheduled', 'an attempt that was given back is not used up');

-- a blocked job stays blocked
select submit(job_id => pg_temp.id(6), next_need => 'fu.parent');
select submit(job_id => pg_temp.id(7), next_need => 'fu.child', wait_for => array[pg_temp.id(6)]);
select is((fail_unheld(job_id => pg_temp.id(7), actor => 'ann', error => 'no', retry_after => '1 hour')).state, 'blocked',
    'a blocked job that fails still waits for its dependency');
select complete_unheld(job_id => pg_temp.id(6), actor => 'ann');
select is(pg_temp.state(pg_temp.id(7)), 'scheduled', 'a blocked job then waits for the end of its backoff');

-- expires_at
select submit(job_id => pg_temp.id(8), next_need => 'fu.expires', expires_at => now() + interval '10 min');
select is((fail_unheld(job_id => pg_temp.id(8), actor => 'ann', error => 'no', retry_after => '10 min')).state, 'dead',
    'a job whose next time would not be before its expires_at is buried at once');
select is((job(pg_temp.id(8))).dead_reason, 'expired', 'its dead_reason is expired');

-- an error text is cleaned and cut, never refused
select submit(job_id => pg_temp.id(9), next_need => 'fu.text');
select lives_ok(format('select fail_unheld(job_id => %L, actor => %L, error => null)', pg_temp.id(9), 'ann'), 'error: null is not refused');
select isnt(coalesce((job(pg_temp.id(9))).error, ''), '', 'a replacement is kept');
select lives_ok(format('select fail_unheld(job_id => %L, actor => %L, error => %L)', pg_temp.id(9), 'ann', ''), 'error: empty is not refused');
select lives_ok(
    format('select fail_unheld(job_id => %L, actor => %L, error => repeat(%L, 1000000))', pg_temp.id(9), 'ann', 'x'),
    'error: a million characters are not refused'
);
select cmp_ok(length((job(pg_temp.id(9))).error), '<=', 10000, 'they are cut');
select lives_ok(
    format('select fail_unheld(job_id => %L, actor => %L, error => %L)', pg_temp.id(9), 'ann', E'a\u0001b\u001b[31mc\u007fd\ne\tf'),
    'error: control characters are not refused'
);
select unalike((job(pg_temp.id(9))).error, E'%\u001b%', 'they are removed');
select alike((job(pg_temp.id(9))).error, E'%d\ne\tf', 'line breaks and tabs stay');
select lives_ok(
    format('select fail_unheld(job_id => %L, actor => %L, error => %L, error_code => repeat(%L, 5000))', pg_temp.id(9), 'ann', 'x', 'c'),
    'error_code: too long is not refused'
);
select cmp_ok(length((job(pg_temp.id(9))).error_code), '<=', 200, 'it is cut');
select lives_ok(
    format('select fail_unheld(job_id => %L, actor => %L, error => %L, error_code => %L)', pg_temp.id(9), 'ann', 'x', ''),
    'error_code: empty is not refused'
);
select is((job(pg_temp.id(9))).error_code, null, 'it counts as none');

-- a worker that lost the reply
select job_id as replayed, lease_id as replayed_lease from pg_temp.leased('fu.replayed') \gset
select fail(job_id => :'replayed', lease_id => :'replayed_lease', error => 'first') as first_answer \gset
select fail_unheld(job_id => :'replayed', actor => 'ann', error => 'second', retry_after => '9 h');
select is('(' || pg_temp.said(format('select * from fail(job_id => %L, lease_id => %L, error => %L)', :'replayed', :'replayed_lease', 'first')) || ')',
    :'first_answer', 'a worker that repeats its fail gets the same answer until the next grant');
select is((job(:'replayed')).error, 'second', 'a repeated fail changes nothing');

-- Refusals ---------------------------------------------------------------------------------------

select job_id as held from pg_temp.leased('fu.held') \gset
select pg_temp.refused(format('select fail_unheld(job_id => %L, actor => %L, error => %L)', :'held', 'ann', 'no'), 'LH009',
    'a job that a worker holds is refused');
select pg_temp.refused(format('select fail_unheld(job_id => %L, actor => %L, error => %L)', pg_temp.id(99), 'ann', 'no'), 'LH003',
    'an unknown job is refused');
select pg_temp.refused(format('select fail_unheld(job_id => %L, actor => %L, error => %L)', pg_temp.id(6), 'ann', 'no'), 'LH008',
    'a job that succeeded is refused');
select pg_temp.refused(format('select fail_unheld(job_id => %L, actor => %L, error => %L)', pg_temp.id(2), 'ann', 'no'), 'LH008',
    'a dead job is refused');
select submit(job_id => pg_temp.id(10), next_need => 'fu.cancelled');
select cancel(job_id => pg_temp.id(10), actor => 'ann');
select pg_temp.refused(format('select fail_unheld(job_id => %L, actor => %L, error => %L)', pg_temp.id(10), 'ann', 'no'), 'LH007',
    'a cancelled job is refused');

select submit(job_id => pg_temp.id(12), next_need => 'fu.arguments');
select pg_temp.refused('select fail_unheld(job_id => null, actor => ''ann'', error => ''no'')', 'LH010', 'job_id: null');
select pg_temp.refused(format('select fail_unheld(job_id => %L, actor => %s, error => %L)', pg_temp.id(12), a.actor, 'no'), 'LH010', 'actor: ' || a.name)
from (values ('null', 'null'), ('''''', 'empty'), ('repeat(''x'', 201)', 'too long'), ('repeat(''é'', 101)', 'too long in bytes')) as a (actor, name);
select pg_temp.refused(
    format('select fail_unheld(job_id => %L, actor => %L, error => %L, retry_after => %L)', pg_temp.id(12), 'ann', 'no', a.value), 'LH010',
    'retry_after: ' || a.name
)
from (values ('-1 s', 'negative'), ('-1 month 1 day', 'negative months'), ('1 year 1 month', 'longer than a year'), ('100000000 years', 'overflowing'))
    as a (value, name);
select is(pg_temp.state(pg_temp.id(12)), 'ready', 'after all these refusals the job is unchanged');
select is((fail_unheld(job_id => pg_temp.id(12), actor => 'ann', error => 'no', retry_after => '0')).state, 'scheduled',
    'retry_after: zero is accepted');
select sweep();
select is(pg_temp.state(pg_temp.id(12)), 'ready', 'the next sweep makes the job ready');

-- a policy at its limits
select submit(job_id => pg_temp.id(13), next_need => 'fu.limits', retry => '{"kind": "exponential", "initial": "1 hour", "multiplier": 1000, "jitter": 1, "max": "366 days"}');
select lives_ok(format('select fail_unheld(job_id => %L, actor => %L, error => %L)', pg_temp.id(13), 'ann', 'no'), 'a policy at its limits overflows nothing');
select submit(job_id => pg_temp.id(14), next_need => 'fu.limits', retry => '{"kind": "quadratic", "initial": "1 minute", "jitter": 0}');
select ok((fail_unheld(job_id => pg_temp.id(14), actor => 'ann', error => 'no')).available_at
    between now() + interval '1 minute' and clock_timestamp() + interval '1 minute', 'without attempts it waits as after the first');
select ok((fail_unheld(job_id => pg_temp.id(14), actor => 'ann', error => 'no')).state = 'scheduled'
    and (fail_unheld(job_id => pg_temp.id(14), actor => 'ann', error => 'no')).state = 'scheduled'
    and (fail_unheld(job_id => pg_temp.id(14), actor => 'ann', error => 'no')).state = 'scheduled',
    'a job that fails unheld uses up no attempt');

select * from finish();
rollback;
