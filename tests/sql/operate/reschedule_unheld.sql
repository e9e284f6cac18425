-- reschedule_unheld: reschedule for a job that nobody holds; wait_for null keeps its dependencies.

begin;
\ir ../include/support.sql
select plan(82);

-- A null argument keeps the job's value ----------------------------------------------------------

select submit(
    job_id => pg_temp.id(1), next_need => 'ru.kept', payload => '{"a": 1}', priority => 7, available_at => now() + interval '1 day',
    expires_at => now() + interval '2 days', max_attempts => 9, retry => '{"kind": "fixed"}', on_dependency_failure => 'release',
    singleton_key => 'ru.k', metadata => '{"m": 1}'
);
select is((reschedule_unheld(job_id => pg_temp.id(1), actor => 'ann')).attempt, 0, 'it returns an outcome');
select results_eq(
    format($$ select next_need, payload, priority, expires_at, max_attempts, retry, on_dependency_failure, singleton_key, metadata from job(job_id => %L) $$, pg_temp.id(1)),
    $$ values ('ru.kept', '{"a": 1}'::jsonb, 7, now() + interval '2 days', 9, '{"kind": "fixed"}'::jsonb, 'release', 'ru.k', '{"m": 1}'::jsonb) $$,
    'values that are not given stay'
);
select results_eq(format('select state, available_at from job(job_id => %L)', pg_temp.id(1)), $$ values ('scheduled', now() + interval '1 day') $$,
    'the time stays: a new priority does not make tomorrow''s job run today');
select is((select count(*) from departure where job_id = pg_temp.id(1) and actor = 'ann'), 1::bigint, 'the actor is in the history');
select is_empty(format($$ select from departure as d where d.job_id = %L and d::text like '%%"a"%%' $$, pg_temp.id(1)), 'the payload is not');

-- Given arguments change the job -----------------------------------------------------------------

select results_eq(
    format($$ select state, available_at, attempt from reschedule_unheld(job_id => %L, actor => 'ann', next_need => 'ru.new', payload => '{"b": 2}',
        available_at => now() + interval '3 h', priority => 0, expires_at => now() + interval '4 h', max_attempts => 1, retry => '{"jitter": 0}',
        on_dependency_failure => 'cascade') $$, pg_temp.id(1)),
    $$ values ('scheduled', now() + interval '3 h', 0) $$, 'it is scheduled for another time'
);
select results_eq(
    format('select next_need, payload, priority, expires_at, max_attempts, retry, on_dependency_failure, singleton_key from job(job_id => %L)', pg_temp.id(1)),
    $$ values ('ru.new', '{"b": 2}'::jsonb, 0, now() + interval '4 h', 1, '{"jitter": 0}'::jsonb, 'cascade', 'ru.k') $$, 'it has all that was given'
);
select submit(job_id => pg_temp.id(2), next_need => 'ru.old');
select is((reschedule_unheld(job_id => pg_temp.id(2), actor => 'ann', next_need => 'ru.fresh')).state, 'ready', 'a ready job moves to a new need');
select is_empty($$ select from get_work(worker_id => 'w', capabilities => '{ru.old}') $$, 'the workers of its old need do not get it');
select is((select job_id from get_work(worker_id => 'w', capabilities => '{ru.fr%}')), pg_temp.id(2), 'the workers of its new need do, by prefix too');

-- the end of the queue
select submit(job_id => pg_temp.id(10 + n), next_need => 'ru.queue') from generate_series(1, 3) as n;
select reschedule_unheld(job_id => pg_temp.id(11), actor => 'ann');
select is(array(select job_id from get_work(worker_id => 'w', capabilities => '{ru.queue}', limit_jobs => 3)),
    array[pg_temp.id(12), pg_temp.id(13), pg_temp.id(11)], 'it goes to the end of the queue');

-- attempts and crashes
select job_id as tried, lease_id as tried_lease from pg_temp.leased('ru.tried') \gset
select fail(job_id => :'tried', lease_id => :'tried_lease', error => 'no');
select results_eq(format('select state, attempt from reschedule_unheld(job_id => %L, actor => %L, available_at => now())', :'tried', 'ann'), $$ values ('ready', 0) $$,
    'a job that backs off may run at once; its attempts start again');
select job_id as late, lease_id as late_lease from pg_temp.leased('ru.late') \gset
select pg_temp.run_out(:'late');
select is((reschedule_unheld(job_id => :'late', actor => 'ann')).attempt, 0, 'nobody holds a job whose lease has expired');
select is((job(:'late')).crashes, 0, 'its crashes start again');
select pg_temp.refused(format('select extend(job_id => %L, lease_id => %L)', :'late', :'late_lease'), 'LH001', 'its worker is told that its lease is over');

-- expires_at
select submit(job_id => pg_temp.id(20), next_need => 'ru.expires', expires_at => now() + interval '1 h');
select is((reschedule_unheld(job_id => pg_temp.id(20), actor => 'ann', available_at => now() + interval '1 h')).state, 'dead',
    'a job whose next time would not be before its expires_at is buried at once');
select is((job(pg_temp.id(20))).dead_reason, 'expired', 'its dead_reason is expired');
select submit(job_id => pg_temp.id(21), next_need => 'ru.expires');
select is((reschedule_unheld(job_id => pg_temp.id(21), actor => 'ann', available_at => now() + interval '1 h', expires_at => now() + interval '1 h')).state, 'dead',
    'a job that is given both in one call is buried too');

-- Its dependencies -------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(30), next_need => 'ru.parent');
select submit(job_id => pg_temp.id(31), next_need => 'ru.parent');
select submit(job_id => pg_temp.id(32), next_need => 'ru.child', wait_for => array[pg_temp.id(30)]);
select is((reschedule_unheld(job_id => pg_temp.id(32), actor => 'ann', priority => 1)).state, 'blocked', 'wait_for null: it keeps its dependencies');
select is((reschedule_unheld(job_id => pg_temp.id(32), actor => 'ann', wait_for => array[pg_temp.id(31), pg_temp.id(31)])).state, 'blocked', 'wait_for: it has the given dependencies');
select results_eq(format('select waits_for from dependency where job_id = %L', pg_temp.id(32)), $$ select pg_temp.id(31) $$, 'each once, and no others');
select is((job(pg_temp.id(32))).wait_for, array[pg_temp.id(31)], 'job() shows them');
select complete_unheld(job_id => pg_temp.id(30), actor => 'ann');
select is(pg_temp.state(pg_temp.id(32)), 'blocked', 'a former dependency does not free it');
select complete_unheld(job_id => pg_temp.id(31), actor => 'ann', result => '31');
select is(pg_temp.state(pg_temp.id(32)), 'ready', 'its new dependency does');
select is((select results from get_work(worker_id => 'w', capabilities => '{ru.child}')), jsonb_build_object(pg_temp.id(31), 31), 'its worker gets the result of the new dependency');
select submit(job_id => pg_temp.id(33), next_need => 'ru.parent', available_at => now() + interval '1 h');
select submit(job_id => pg_temp.id(34), next_need => 'ru.free', wait_for => array[pg_temp.id(33)]);
select is((reschedule_unheld(job_id => pg_temp.id(34), actor => 'ann', wait_for => '{}')).state, 'ready', 'wait_for {}: it waits for nothing');
select is_empty(format('select from dependency where job_id = %L', pg_temp.id(34)), 'no dependency is left');
select is((reschedule_unheld(job_id => pg_temp.id(34), actor => 'ann', wait_for => array[pg_temp.id(30)])).state, 'ready', 'it does not wait for a job that succeeded before');
select submit(job_id => pg_temp.id(35), next_need => 'ru.gone');
select cancel(job_id => pg_temp.id(35), actor => 'ann');
select is((reschedule_unheld(job_id => pg_temp.id(34), actor => 'ann', wait_for => array[pg_temp.id(35)])).state, 'dead', 'a job that was cancelled before is treated by the policy: hold dies');
select submit(job_id => pg_temp.id(36), next_need => 'ru.free');
select is((reschedule_unheld(job_id => pg_temp.id(36), actor => 'ann', wait_for => array[pg_temp.id(35)], on_dependency_failure => 'cascade')).state, 'cancelled',
    'cascade is cancelled, by the policy given in the same call');
select submit(job_id => pg_temp.id(37), next_need => 'ru.free');
select is((reschedule_unheld(job_id => pg_temp.id(37), actor => 'ann', wait_for => array[pg_temp.id(35)], on_dependency_failure => 'release')).state, 'ready', 'release goes ahead');

-- singleton keys
select submit(job_id => pg_temp.id(38), next_need => 'ru.key', singleton_key => 'ru.key');
select submit(job_id => pg_temp.id(39), next_need => 'ru.key', singleton_key => 'ru.key');
select job_id as first from get_work(worker_id => 'w', capabilities => '{ru.key}') \gset
select reschedule_unheld(job_id => pg_temp.id(39), actor => 'ann', priority => 0);
select is_empty($$ select from get_work(worker_id => 'w', capabilities => '{ru.key}') $$, 'a reschedule does not allow a second lease of a key');

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.refused(format('select reschedule_unheld(job_id => %L, actor => %L)', pg_temp.id(99), 'ann'), 'LH003', 'an unknown job');
select pg_temp.refused(format('select reschedule_unheld(job_id => %L, actor => %L)', :'first', 'ann'), 'LH009', 'a leased job');
select pg_temp.refused(format('select reschedule_unheld(job_id => %L, actor => %L)', pg_temp.id(30), 'ann'), 'LH008', 'a job that succeeded');
select pg_temp.refused(format('select reschedule_unheld(job_id => %L, actor => %L)', pg_temp.id(20), 'ann'), 'LH008', 'a dead job');
select pg_temp.refused(format('select reschedule_unheld(job_id => %L, actor => %L)', pg_temp.id(35), 'ann'), 'LH007', 'a cancelled job');

select submit(job_id => pg_temp.id(50), next_need => 'ru.arguments');
select submit(job_id => pg_temp.id(51), next_need => 'ru.arguments', wait_for => array[pg_temp.id(50)]);
select submit(job_id => pg_temp.id(52), next_need => 'ru.arguments', wait_for => array[pg_temp.id(51)]);
select pg_temp.refused(format('select reschedule_unheld(job_id => %L, actor => %L, wait_for => array[%s]::uuid[])', pg_temp.id(50), 'ann', a.value), 'LH004', 'wait_for: ' || a.name)
from (
    values (quote_literal(pg_temp.id(99)), 'an unknown job'), (quote_literal(pg_temp.id(50)), 'itself'), (quote_literal(pg_temp.id(51)), 'a cycle of two'),
        (quote_literal(pg_temp.id(52)), 'a cycle of three'), (quote_literal(pg_temp.id(33)) || ',' || quote_literal(pg_temp.id(99)), 'a known and an unknown job')
) as a (value, name);
select pg_temp.refused('select reschedule_unheld(job_id => null, actor => ''ann'')', 'LH010', 'job_id: null');
select pg_temp.refused(format('select reschedule_unheld(job_id => %L, actor => %s)', pg_temp.id(50), a.actor), 'LH010', 'actor: ' || a.name)
from (values ('null', 'null'), ('''''', 'empty'), ('repeat(''x'', 201)', 'too long'), ('repeat(''é'', 101)', 'too long in bytes')) as a (actor, name);
select pg_temp.refused(format('select reschedule_unheld(job_id => %L, actor => %L, %s)', pg_temp.id(50), 'ann', a.value), 'LH010', a.name)
from (
    values
    ('next_need => ''''', 'next_need: empty'),
    ('next_need => ''a b''', 'next_need: white space'),
    ('next_need => ''a.''', 'next_need: an empty part'),
    ('next_need => ''a.%''', 'next_need: a prefix'),
    ('next_need => repeat(''x'', 201)', 'next_need: too long'),
    ('payload => ''[]''', 'payload: an array'),
    ('payload => ''null''', 'payload: a JSON null'),
    ('payload => ''"x"''', 'payload: a string'),
    ('wait_for => array[null]::uuid[]', 'wait_for: a null'),
    ('wait_for => array[array[gen_random_uuid()]]', 'wait_for: two dimensions'),
    ('wait_for => array_fill(gen_random_uuid(), array[100001])', 'wait_for: too many'),
    ('available_at => ''infinity''', 'available_at: infinite'),
    ('available_at => ''-infinity''', 'available_at: minus infinite'),
    ('available_at => ''294000-01-01''', 'available_at: beyond what clients can hold'),
    ('priority => -1', 'priority: negative'),
    ('priority => 1000', 'priority: too high'),
    ('priority => 2147483647', 'priority: much too high'),
    ('expires_at => ''-infinity''', 'expires_at: minus infinite'),
    ('expires_at => clock_timestamp() - interval ''1 s''', 'expires_at: past'),
    ('max_attempts => 0', 'max_attempts: zero'),
    ('max_attempts => -1', 'max_attempts: negative'),
    ('max_attempts => 10001', 'max_attempts: too many'),
    ('retry => ''[]''', 'retry: not an object'),
    ('retry => ''{"kind": "sometimes"}''', 'retry: an unknown kind'),
    ('retry => ''{"speed": 1}''', 'retry: an unknown field'),
    ('retry => ''{"initial": "-1 s"}''', 'retry: a negative initial'),
    ('retry => ''{"max": "soon"}''', 'retry: a max that is not an interval'),
    ('retry => ''{"multiplier": 0}''', 'retry: a multiplier of zero'),
    ('retry => ''{"jitter": 2}''', 'retry: too much jitter'),
    ('retry => ''{"retryable": "x"}''', 'retry: retryable that is not a list'),
    ('on_dependency_failure => ''''', 'on_dependency_failure: empty'),
    ('on_dependency_failure => ''explode''', 'on_dependency_failure: unknown')
) as a (value, name);
select set_setting(name => 'max_payload_bytes', value => '1024');
select pg_temp.refused(format($$ select reschedule_unheld(job_id => %L, actor => 'ann', payload => jsonb_build_object('x', repeat('x', 1016))) $$, pg_temp.id(50)), 'LH011',
    'payload: too large');
select is(pg_temp.state(pg_temp.id(50)), 'ready', 'after all these refusals the job is unchanged');
select is((reschedule_unheld(job_id => pg_temp.id(50), actor => 'ann', payload => jsonb_build_object('x', repeat('x', 1015)))).state, 'ready', 'payload: one of exactly the limit is accepted');

select * from finish();
rollback;
