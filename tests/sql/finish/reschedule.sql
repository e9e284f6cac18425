-- reschedule: moves a leased job to another need, to a later time, or behind other jobs.

begin;
select plan(107);
\ir ../include/support.sql
\ir ../include/named.sql

-- Values that it keeps and changes ---------------------------------------------------------------------

select pg_temp.keep(
    'plain',
    submit(
        'a.plain', '{"n": 1}', priority => 7, expires_at => '2100-01-01 00:00+00', max_attempts => 5, retry => '{"kind": "fixed"}',
        on_dependency_failure => 'cascade', metadata => '{"m": 1}', submitted_by => 'producer', singleton_key => 'plain'
    )
) \gset
create temporary table before as select i.* from job(pg_temp.job('plain')) as i;
select pg_temp.take('plain') \gset
create temporary table said as select r.* from reschedule(job_id => pg_temp.job('plain'), lease_id => pg_temp.lease('plain')) as r;
select results_eq(
    'select s.state, s.attempt from said as s', $$ values ('ready', 0) $$, 'without arguments the job is ready, and its attempts start again'
);
select results_eq(
    $$
        select
            i.next_need, i.payload, i.priority, i.expires_at, i.max_attempts, i.retry, i.on_dependency_failure, i.metadata, i.submitted_by,
            i.singleton_key, i.submitted_at, i.wait_for
        from job(pg_temp.job('plain')) as i
    $$,
    $$
        select
            i.next_need, i.payload, i.priority, i.expires_at, i.max_attempts, i.retry, i.on_dependency_failure, i.metadata, i.submitted_by,
            i.singleton_key, i.submitted_at, i.wait_for
        from before as i
    $$,
    'a null argument keeps the job''s value'
);
select results_eq(
    $$ select i.state, i.attempt, i.crashes, i.available_at from job(pg_temp.job('plain')) as i $$,
    $$ select 'ready', 0, 0, s.available_at from said as s $$,
    'the job is available from now'
);
select results_eq(
    $$ select d.event, d.actor, d.state from departure as d where d.job_id = pg_temp.job('plain') $$,
    $$ values ('reschedule', 'worker', 'ready') $$,
    'the history says which worker moved it'
);
select pg_temp.take('plain') \gset
select is((job(pg_temp.job('plain'))).attempt, 1, 'its next attempt is a first one');

select reschedule(
    job_id => pg_temp.job('plain'), lease_id => pg_temp.lease('plain'), next_need => 'b.plain', payload => '{"n": 2}', wait_for => '{}',
    available_at => '2090-01-01 00:00+00', priority => 8, expires_at => '2101-01-01 00:00+00', max_attempts => 6,
    retry => '{"kind": "exponential"}', on_dependency_failure => 'release'
) \gset
select results_eq(
    $$
        select
            i.state, i.next_need, i.payload, i.available_at, i.priority, i.expires_at, i.max_attempts, i.retry, i.on_dependency_failure,
            i.metadata
        from job(pg_temp.job('plain')) as i
    $$,
    $$
        values (
            'scheduled', 'b.plain', jsonb '{"n": 2}', timestamptz '2090-01-01 00:00+00', 8, timestamptz '2101-01-01 00:00+00', 6,
            jsonb '{"kind": "exponential"}', 'release', jsonb '{"m": 1}'
        )
    $$,
    'given arguments change the job, and its metadata stays'
);

-- To another need -----------------------------------------------------------------------------------------

select pg_temp.held('moves') \gset
select is((reschedule(pg_temp.job('moves'), pg_temp.lease('moves'), 'elsewhere.never.seen')).state, 'ready', 'a need may be new');
select is_empty($$ select from get_work('worker', '{a.moves}') $$, 'a worker of the old need no longer gets it');
select results_eq(
    $$ select w.job_id, w.next_need, w.attempt from get_work('worker', '{elsewhere.%}') as w $$,
    $$ values (pg_temp.job('moves'), 'elsewhere.never.seen', 1) $$,
    'a worker of the new need does'
);

-- Later ----------------------------------------------------------------------------------------------------

select pg_temp.held('later') \gset
select results_eq(
    $$ select r.* from reschedule(pg_temp.job('later'), pg_temp.lease('later'), available_at => '2100-01-01 00:00+00') as r $$,
    $$ values ('scheduled', timestamptz '2100-01-01 00:00+00', 0) $$,
    'a job is scheduled for a time in the future'
);
select is_empty($$ select from get_work('worker', '{a.later}') $$, 'nobody gets it before');
select pg_temp.is_due(pg_temp.job('later')) \gset
select pg_temp.take('later') \gset
select is(
    (reschedule(pg_temp.job('later'), pg_temp.lease('later'), available_at => '2001-01-01 00:00+00')).state, 'ready', 'a time in the past means no wait'
);
select pg_temp.keep('q1', submit('queue')) \gset
select pg_temp.keep('q2', submit('queue')) \gset
select pg_temp.take('q1') \gset
select reschedule(pg_temp.job('q1'), pg_temp.lease('q1')) \gset
select results_eq(
    $$ select w.job_id from get_work('worker', '{queue}', limit_jobs => 2) as w $$, $$ values (pg_temp.job('q2')), (pg_temp.job('q1')) $$,
    'it goes to the end of the queue'
);

-- Attempts and crashes start again ----------------------------------------------------------------------------

select pg_temp.lost('tried') \gset
select pg_temp.is_due(pg_temp.job('tried')) \gset
select pg_temp.take('tried') \gset
select results_eq(
    $$ select i.attempt, i.crashes from job(pg_temp.job('tried')) as i $$, 'values (2, 1)', 'after a crash: the second attempt'
);
select reschedule(pg_temp.job('tried'), pg_temp.lease('tried')) \gset
select results_eq(
    $$ select i.attempt, i.crashes from job(pg_temp.job('tried')) as i $$, 'values (0, 0)', 'after a reschedule there is neither an attempt nor a crash'
);

-- expires_at -----------------------------------------------------------------------------------------------------

select pg_temp.keep('over', submit('a.over', expires_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.take('over') \gset
select pg_temp.is_late(pg_temp.job('over')) \gset
select results_eq(
    $$ select r.* from reschedule(pg_temp.job('over'), pg_temp.lease('over')) as r $$, $$ values ('dead', null::timestamptz, 0) $$,
    'a job whose expires_at passed while it was held is buried at once'
);
select is((job(pg_temp.job('over'))).dead_reason, 'expired', 'its dead_reason is expired');
select pg_temp.keep('prolonged', submit('a.prolonged', expires_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.take('prolonged') \gset
select pg_temp.is_late(pg_temp.job('prolonged')) \gset
select is(
    (reschedule(pg_temp.job('prolonged'), pg_temp.lease('prolonged'), expires_at => clock_timestamp() + interval '1 hour')).state, 'ready',
    'it is not if it is given a new one'
);
select reschedule_unheld(pg_temp.job('prolonged'), 'test', expires_at => 'infinity') \gset
select is((job(pg_temp.job('prolonged'))).expires_at, null, 'infinity removes the expires_at of a job that nobody holds');
select pg_temp.keep('unlimited', submit('a.unlimited', expires_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.take('unlimited') \gset
select reschedule(pg_temp.job('unlimited'), pg_temp.lease('unlimited'), expires_at => 'infinity') \gset
select is((job(pg_temp.job('unlimited'))).expires_at, null, 'it removes that of a held job too');
select pg_temp.keep('short', submit('a.short', expires_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.take('short') \gset
select is(
    (reschedule(pg_temp.job('short'), pg_temp.lease('short'), available_at => clock_timestamp() + interval '2 hours')).state, 'dead',
    'a next time that would not be before the present expires_at buries the job'
);
select pg_temp.held('both_said') \gset
select pg_temp.answers(
    $$
        select r.state
        from reschedule(
            pg_temp.job('both_said'), pg_temp.lease('both_said'), available_at => clock_timestamp() + interval '2 hours',
            expires_at => clock_timestamp() + interval '1 hour'
        ) as r
    $$,
    $$ values ('dead') $$,
    'an expires_at and a later time in the same call bury it too'
);

-- Behind other jobs -----------------------------------------------------------------------------------------------

select pg_temp.keep('child1', submit('child')) \gset
select pg_temp.keep('child2', submit('child')) \gset
select pg_temp.held('parent') \gset
select results_eq(
    $$
        select r.state, r.attempt
        from reschedule(
            pg_temp.job('parent'), pg_temp.lease('parent'), wait_for => array[pg_temp.job('child1'), pg_temp.job('child2'), pg_temp.job('child1')]
        ) as r
    $$,
    $$ values ('blocked', 0) $$,
    'a job that is rescheduled behind others is blocked'
);
select set_eq(
    $$ select r.waits_for from why_not_running(pg_temp.job('parent')) as r $$, $$ values (pg_temp.job('child1')), (pg_temp.job('child2')) $$,
    'it waits for each of them once'
);
select pg_temp.take('child1') \gset
select complete(pg_temp.job('child1'), pg_temp.lease('child1'), '"one"') \gset
select is(pg_temp.state_of('parent'), 'blocked', 'one of two is not enough');
select pg_temp.take('child2') \gset
select complete(pg_temp.job('child2'), pg_temp.lease('child2'), '"two"') \gset
select is(pg_temp.state_of('parent'), 'ready', 'the last one frees it');
create temporary table woken as select w.* from get_work('worker', '{a.parent}') as w;
select is(
    (select w.results from woken as w), jsonb_build_object(pg_temp.job('child1'), 'one', pg_temp.job('child2'), 'two'), 'it gets their results'
);
select reschedule(w.job_id, w.lease_id) from woken as w \gset
select results_eq(
    $$ select w.results, (job(w.job_id)).wait_for from get_work('worker', '{a.parent}') as w $$, $$ values (jsonb '{}', '{}'::uuid[]) $$,
    'with wait_for null it waits for nothing and has no results'
);

select pg_temp.queued('slow') \gset
select pg_temp.held('both') \gset
select is(
    (reschedule(pg_temp.job('both'), pg_temp.lease('both'), wait_for => array[pg_temp.job('slow')], available_at => '2100-01-01 00:00+00')).state,
    'blocked', 'behind others and for a later time: blocked first'
);
select pg_temp.take('slow') \gset
select complete(pg_temp.job('slow'), pg_temp.lease('slow')) \gset
select results_eq(
    $$ select i.state, i.available_at from job(pg_temp.job('both')) as i $$, $$ values ('scheduled', timestamptz '2100-01-01 00:00+00') $$,
    'it is then scheduled for its time'
);

-- Behind jobs that have ended --------------------------------------------------------------------------------------

select count(pg_temp.held(n)) from unnest('{succeeded,dead,cancelled}'::text[]) as n \gset
select complete(pg_temp.job('succeeded'), pg_temp.lease('succeeded'), '1') \gset
select fail(pg_temp.job('dead'), pg_temp.lease('dead'), 'no', false) \gset
select cancel(pg_temp.job('cancelled'), 'test') \gset
select release(pg_temp.job('cancelled'), pg_temp.lease('cancelled')) \gset
create function pg_temp.behind(ended text, policy text) returns text language plpgsql as $behind$
declare
    v_name      constant text := format('behind.%s.%s', ended, coalesce(policy, 'default'));
    v_outcome   outcome;
begin
    perform pg_temp.held(v_name);
    v_outcome := reschedule(
        pg_temp.job(v_name), pg_temp.lease(v_name), wait_for => array[pg_temp.job(ended)], on_dependency_failure => policy
    );
    if v_outcome.state <> pg_temp.state_of(v_name) then
        return v_outcome.state || ', in truth ' || pg_temp.state_of(v_name);
    end if;
    return v_outcome.state || coalesce(' ' || (job(pg_temp.job(v_name))).dead_reason, '');
end
$behind$;
select is(
    pg_temp.behind(v.ended, v.policy), v.state, format('behind a job that is %s, with %s: %s', v.ended, coalesce(v.policy, 'what it had'), v.state)
)
from (values
    ('succeeded', 'hold', 'ready'),
    ('succeeded', 'cascade', 'ready'),
    ('succeeded', 'release', 'ready'),
    ('dead', null, 'blocked'),
    ('dead', 'hold', 'blocked'),
    ('dead', 'cascade', 'dead dependency_failed'),
    ('dead', 'release', 'ready'),
    ('cancelled', 'hold', 'dead dependency_failed'),
    ('cancelled', 'cascade', 'cancelled'),
    ('cancelled', 'release', 'ready')
) as v (ended, policy, state);

select pg_temp.held('held_up') \gset
select reschedule(pg_temp.job('held_up'), pg_temp.lease('held_up'), wait_for => array[pg_temp.job('dead')]) \gset
select redrive(pg_temp.job('dead'), 'operator') \gset
select is(pg_temp.state_of('held_up'), 'blocked', 'a job with hold waits while a dead dependency is redriven');
select pg_temp.take('dead') \gset
select complete(pg_temp.job('dead'), pg_temp.lease('dead')) \gset
select is(pg_temp.state_of('held_up'), 'ready', 'it goes ahead when that has succeeded');

-- Cycles ----------------------------------------------------------------------------------------------------------------

select pg_temp.held('x') \gset
select pg_temp.refused(
    $$ select reschedule(pg_temp.job('x'), pg_temp.lease('x'), wait_for => array[pg_temp.job('x')]) $$, 'LH004', 'behind itself: LH004'
);
select pg_temp.refused(
    $$ select reschedule(pg_temp.job('x'), pg_temp.lease('x'), wait_for => array[gen_random_uuid()]) $$, 'LH004', 'behind an unknown job: LH004'
);
select pg_temp.refused(
    $$ select reschedule(pg_temp.job('x'), pg_temp.lease('x'), wait_for => array[pg_temp.job('q1'), gen_random_uuid()]) $$, 'LH004',
    'an unknown job among others: LH004'
);
select pg_temp.keep('waits1', submit('a.waits', wait_for => array[pg_temp.job('x')])) \gset
select pg_temp.keep('waits2', submit('a.waits', wait_for => array[pg_temp.job('waits1')])) \gset
select pg_temp.refused(
    $$ select reschedule(pg_temp.job('x'), pg_temp.lease('x'), wait_for => array[pg_temp.job('waits1')]) $$, 'LH004', 'behind a job that waits for it: LH004'
);
select pg_temp.refused(
    $$ select reschedule(pg_temp.job('x'), pg_temp.lease('x'), wait_for => array[pg_temp.job('waits2')]) $$, 'LH004', 'behind a job that waits for it through others: LH004'
);

-- Repeated calls -----------------------------------------------------------------------------------------------------------

select pg_temp.held('twice') \gset
create temporary table first_answer as
select r.* from reschedule(pg_temp.job('twice'), pg_temp.lease('twice'), available_at => clock_timestamp() + interval '1 minute') as r;
select pg_temp.changes_nothing(
    $$ select reschedule(pg_temp.job('twice'), pg_temp.lease('twice'), 'b.other', '{"n": 2}') $$, 'a repeated call of the same lease changes nothing'
);
select pg_temp.answers(
    $$ select r.* from reschedule(pg_temp.job('twice'), pg_temp.lease('twice'), 'b.other') as r $$, 'select * from first_answer',
    'a repeated call gives the same answer'
);
create temporary table old_lease as select pg_temp.lease('twice') as lease_id;
select pg_temp.is_due(pg_temp.job('twice')) \gset
select pg_temp.take('twice') \gset
select pg_temp.refused(
    $$ select reschedule(pg_temp.job('twice'), (select lease_id from old_lease)) $$, 'LH001', 'after the next grant it is an earlier lease: LH001'
);
select pg_temp.queued('blocker') \gset
select pg_temp.held('freed') \gset
select reschedule(pg_temp.job('freed'), pg_temp.lease('freed'), wait_for => array[pg_temp.job('blocker')]) \gset
select pg_temp.take('blocker') \gset
select complete(pg_temp.job('blocker'), pg_temp.lease('blocker')) \gset
select is(pg_temp.state_of('freed'), 'ready', 'a job that was rescheduled behind another is freed …');
select pg_temp.answers(
    $$ select r.state from reschedule(pg_temp.job('freed'), pg_temp.lease('freed')) as r $$, $$ values ('blocked') $$,
    '… and the lease that put it there gets the same answer as before'
);
select pg_temp.keep('died', submit('a.died', on_dependency_failure => 'cascade')) \gset
select pg_temp.queued('bad') \gset
select pg_temp.take('died') \gset
select reschedule(pg_temp.job('died'), pg_temp.lease('died'), wait_for => array[pg_temp.job('bad')]) \gset
select pg_temp.take('bad') \gset
select fail(pg_temp.job('bad'), pg_temp.lease('bad'), 'no', false) \gset
select is(pg_temp.state_of('died'), 'dead', 'a job that was rescheduled behind another dies with it …');
select pg_temp.answers(
    $$ select r.state from reschedule(pg_temp.job('died'), pg_temp.lease('died')) as r $$, $$ values ('blocked') $$,
    '… and the lease that put it there gets the same answer as before'
);
select redrive(pg_temp.job('bad'), 'operator') \gset
select sweep() \gset
select is(pg_temp.state_of('died'), 'blocked', 'it is redriven with the job that it died of …');
select pg_temp.answers(
    $$ select r.state from reschedule(pg_temp.job('died'), pg_temp.lease('died')) as r $$, $$ values ('blocked') $$, '… and the lease still gets that answer'
);
select pg_temp.held('dies') \gset
select reschedule(pg_temp.job('dies'), pg_temp.lease('dies'), wait_for => array[pg_temp.job('cancelled')], on_dependency_failure => 'cascade') \gset
select pg_temp.answers(
    $$ select r.state from reschedule(pg_temp.job('dies'), pg_temp.lease('dies')) as r $$, $$ values ('cancelled') $$,
    'a lease whose reschedule ended the job cancelled gets the same answer again'
);
select pg_temp.refused(
    $$ select complete(pg_temp.job('dies'), pg_temp.lease('dies')) $$, 'LH007', 'and cannot complete it'
);

-- Late leases, requested cancellation, and leases that are not current -----------------------------------------------------

select pg_temp.held('late') \gset
select pg_temp.run_out(pg_temp.job('late')) \gset
select is((reschedule(pg_temp.job('late'), pg_temp.lease('late'))).state, 'ready', 'an expired lease that nobody has reclaimed can still reschedule');
select pg_temp.held('stop') \gset
select cancel(pg_temp.job('stop'), 'operator') \gset
select pg_temp.refused(
    $$ select reschedule(pg_temp.job('stop'), pg_temp.lease('stop')) $$, 'LH007', 'after a request for cancellation: LH007'
);
select pg_temp.refused(
    $$ select reschedule(pg_temp.job('stop'), gen_random_uuid()) $$, 'LH002', 'only the current lease is told that; any other: LH002'
);
select is(pg_temp.state_of('stop'), 'leased', 'the job stays leased, so that its worker can end it');
select release(pg_temp.job('stop'), pg_temp.lease('stop')) \gset
select pg_temp.refused($$ select reschedule(pg_temp.job('stop'), pg_temp.lease('stop')) $$, 'LH007', 'a lease whose job ended cancelled: LH007');
select pg_temp.refused_leases('select reschedule(%L, %L)');
select pg_temp.held('done') \gset
select complete(pg_temp.job('done'), pg_temp.lease('done')) \gset
select pg_temp.refused(
    $$ select reschedule(pg_temp.job('done'), pg_temp.lease('done')) $$, 'LH008', 'the lease that completed the job cannot reschedule it'
);
select pg_temp.held('failed') \gset
select fail(pg_temp.job('failed'), pg_temp.lease('failed'), 'no') \gset
select pg_temp.refused($$ select reschedule(pg_temp.job('failed'), pg_temp.lease('failed')) $$, 'LH001', 'a lease that failed the job cannot reschedule it');

-- Its singleton key --------------------------------------------------------------------------------------------------------

select pg_temp.keep('k1', submit('key.a', singleton_key => 'k')) \gset
select pg_temp.keep('k2', submit('key.a', singleton_key => 'k')) \gset
select pg_temp.take('k1') \gset
select reschedule(pg_temp.job('k1'), pg_temp.lease('k1'), 'key.b') \gset
select is((select w.job_id from get_work('worker', '{key.a}') as w), pg_temp.job('k2'), 'the next job of its key has its turn');
select is_empty($$ select from get_work('worker', '{key.%}') $$, 'the key is then busy for the job that moved, whatever its need');

-- Arguments -------------------------------------------------------------------------------------------------------------------

select pg_temp.refused(format($$ select reschedule(pg_temp.job('x'), pg_temp.lease('x'), %s) $$, v.arguments), v.code, v.test || ': ' || v.code)
from (values
    ($$ next_need => '' $$, 'LH010', 'an empty need'),
    ($$ next_need => 'a b' $$, 'LH010', 'a need with a space'),
    ($$ next_need => 'a..b' $$, 'LH010', 'a need with an empty part'),
    ($$ next_need => 'a.%' $$, 'LH010', 'a prefix as a need'),
    ($$ next_need => repeat('x', 201) $$, 'LH010', 'a need that is too long'),
    ($$ payload => '[]' $$, 'LH010', 'a payload that is a list'),
    ($$ payload => 'null' $$, 'LH010', 'a payload that is a JSON null'),
    ($$ payload => '"x"' $$, 'LH010', 'a payload that is a text'),
    ($$ payload => jsonb_build_object('x', repeat('x', 1048576)) $$, 'LH011', 'a payload that is too large'),
    ($$ wait_for => array[null]::uuid[] $$, 'LH010', 'a null in wait_for'),
    ($$ wait_for => array[array[pg_temp.job('q1')], array[pg_temp.job('q2')]] $$, 'LH010', 'a wait_for of two dimensions'),
    ($$ wait_for => array_fill(pg_temp.job('q1'), array[100001]) $$, 'LH010', 'a wait_for that is too long'),
    ($$ available_at => 'infinity' $$, 'LH010', 'an infinite available_at'),
    ($$ available_at => '-infinity' $$, 'LH010', 'an available_at of minus infinity'),
    ($$ priority => -1 $$, 'LH010', 'a priority below 0'),
    ($$ priority => 1000 $$, 'LH010', 'a priority above 999'),
    ($$ expires_at => clock_timestamp() - interval '1 ms' $$, 'LH010', 'an expires_at that has passed'),
    ($$ max_attempts => 0 $$, 'LH010', 'a max_attempts of zero'),
    ($$ max_attempts => -1 $$, 'LH010', 'a negative max_attempts'),
    ($$ max_attempts => 10001 $$, 'LH010', 'a max_attempts that is too large'),
    ($$ retry => '[]' $$, 'LH010', 'a policy that is a list'),
    ($$ retry => '{"kind": "never"}' $$, 'LH010', 'a policy of an unknown kind'),
    ($$ on_dependency_failure => 'ignore' $$, 'LH010', 'an unknown on_dependency_failure'),
    ($$ on_dependency_failure => '' $$, 'LH010', 'an empty on_dependency_failure')
) as v (arguments, code, test);
select is(pg_temp.state_of('x'), 'leased', 'after all these refusals the lease is still current');

-- Arguments that are not given ------------------------------------------------------------------------------

select submit('keeps.first', idempotency_key => 'the key', max_attempts => 7, retry => '{"kind": "fixed"}') as kept \gset
select reschedule_unheld((:'kept'::submitted).job_id, 'ann', next_need => 'keeps.second', max_attempts => 8);
select results_eq(
    format('select i.next_need, i.idempotency_key, i.max_attempts, i.retry from job((%L::submitted).job_id) as i', :'kept'),
    $$ values ('keeps.second', 'the key', 8, jsonb '{"kind": "fixed"}') $$, 'its idempotency_key stays, like everything that was not given'
);

select * from finish();
rollback;
