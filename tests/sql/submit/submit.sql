-- submit: records one job.

begin;
select plan(185);
\ir ../include/support.sql
\ir ../include/named.sql

-- The answer and the row ------------------------------------------------------------------------------

create temporary table said as select s.* from submit('a.b') as s;
select results_eq(
    $$ select s.created, s.state, s.available_at between clock_timestamp() - interval '5 s' and clock_timestamp() from said as s $$,
    $$ values (true, 'ready', true) $$,
    'a need is enough: the job is ready, available from now'
);
select matches(
    (select s.job_id::text from said as s), '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]', 'without a job_id a uuid v7 is made'
);
select results_eq(
    $$
        select
            i.next_need, i.payload, i.priority, i.attempt, i.max_attempts, i.crashes, i.expires_at, i.submitted_by, i.singleton_key,
            i.idempotency_key, i.metadata, i.wait_for, i.on_dependency_failure, i.worker_id, i.lease_id, i.cancel_requested, i.error, i.archived
        from said as s, job(s.job_id) as i
    $$,
    $$
        values (
            'a.b', jsonb '{}', 100, 0, 3, 0, null::timestamptz, current_user::text collate "default", null::text, null::text, jsonb '{}', '{}'::uuid[], 'hold',
            null::text, null::uuid, false, null::text, false
        )
    $$,
    'arguments that are not given have their documented defaults'
);
select submit('has.a.key', singleton_key => 'k') \gset keyed_
select is(
    (select pg_column_size(j.options) from job as j where j.next_need = 'has.a.key'), null::integer,
    'a job that is not quite plain has no null either where an argument was not given'
);
select pg_temp.keep(
    'full',
    submit(
        next_need => 'billing.invoice.v1', payload => '{"n": [1, "é", null]}', job_id => pg_temp.id(1), wait_for => '{}',
        singleton_key => 'customer 7', idempotency_key => 'invoice 9', priority => 0, available_at => '2100-01-01 00:00+00',
        expires_at => '2101-01-01 00:00+00', max_attempts => 10000, retry => '{"kind": "fixed", "initial": "5 s"}',
        on_dependency_failure => 'cascade', metadata => '{"trace": "t"}', submitted_by => 'a producer'
    )
) \gset
select results_eq(
    $$
        select
            i.job_id, i.state, i.next_need, i.payload, i.priority, i.available_at, i.expires_at, i.max_attempts, i.retry, i.singleton_key,
            i.idempotency_key, i.metadata, i.on_dependency_failure, i.submitted_by
        from job(pg_temp.job('full')) as i
    $$,
    $$
        values (
            pg_temp.id(1), 'scheduled', 'billing.invoice.v1', jsonb '{"n": [1, "é", null]}', 0, timestamptz '2100-01-01 00:00+00',
            timestamptz '2101-01-01 00:00+00', 10000, jsonb '{"kind": "fixed", "initial": "5 s"}', 'customer 7', 'invoice 9',
            jsonb '{"trace": "t"}', 'cascade', 'a producer'
        )
    $$,
    'given arguments are kept'
);
select cmp_ok(
    (submit('ids')).job_id::text collate "C", '<', (select s.job_id::text collate "C" from (select pg_sleep(0.002)) as p, submit('ids') as s),
    'ids that are made are in the order of their time'
);
select is(
    (select count(distinct right(s.job_id::text, 19)) from (select setseed(0.5), (submit('seeded')).job_id from generate_series(1, 3)) as s), 3::bigint,
    'two ids do not share their random bits in a session that calls setseed()'
);
select setseed(0.5) \gset
select job_id as many_1 from submit_many('[{"next_need": "seeded"}]') \gset
select setseed(0.5) \gset
select job_id as many_2 from submit_many('[{"next_need": "seeded"}]') \gset
select isnt(right(:'many_2', 19), right(:'many_1', 19), 'nor do they share them if the session submits by submit_many');
select setseed(0.5) \gset
insert into submission (next_need) values ('seeded') returning job_id as view_1 \gset
select setseed(0.5) \gset
insert into submission (next_need) values ('seeded') returning job_id as view_2 \gset
select isnt(right(:'view_2', 19), right(:'view_1', 19), 'nor do they if it submits by the view');
create role tap_producer;
grant leasehold_submitter to tap_producer;
grant usage on schema leasehold to tap_producer;
set local role tap_producer;
select job_id as by_role from submit('roles') \gset
reset role;
select is((job(:'by_role')).submitted_by, 'tap_producer', 'submitted_by is the current role if none is given');

-- Time ----------------------------------------------------------------------------------------------------

select results_eq(
    $$ select s.state, s.available_at from submit('later', available_at => '2100-01-01 00:00+00') as s $$,
    $$ values ('scheduled', timestamptz '2100-01-01 00:00+00') $$,
    'a time in the future: scheduled for it'
);
select is_empty($$ select from get_work('worker', '{later}') $$, 'nobody gets the job before');
select results_eq(
    $$ select s.state, s.available_at from submit('past', available_at => '2001-01-01 00:00+00') as s $$,
    $$ values ('ready', timestamptz '2001-01-01 00:00+00') $$,
    'a time in the past: ready'
);
select is((submit('in_time', expires_at => clock_timestamp() + interval '1 hour')).state, 'ready', 'expires_at in the future: ready');
select job_id as unlimited from submit('in_time', expires_at => 'infinity') \gset
select is((job(:'unlimited')).expires_at, null, 'infinity counts as no expires_at');

-- Ids -------------------------------------------------------------------------------------------------------

select pg_temp.refused($$ select submit('a.b', job_id => pg_temp.id(1)) $$, 'LH005', 'the id of a live job: LH005');
select pg_temp.refused($$ select submit('a.b', job_id => (select s.job_id from said as s)) $$, 'LH005', 'also an id that was made here: LH005');
select pg_temp.held('gone') \gset
select complete(pg_temp.job('gone'), pg_temp.lease('gone')) \gset
select pg_temp.refused($$ select submit('a.b', job_id => pg_temp.job('gone')) $$, 'LH005', 'the id of an archived job: LH005');
select submit('given', job_id => pg_temp.id(2)) \gset
select cancel(pg_temp.id(2), 'test') \gset
select pg_temp.refused($$ select submit('given', job_id => pg_temp.id(2)) $$, 'LH005', 'a given id, also after the job was cancelled: LH005');

-- Idempotency keys ----------------------------------------------------------------------------------------------

select pg_temp.keep('once', submit('once', '{"n": 1, "m": 2}', idempotency_key => 'key 1')) \gset
select results_eq(
    $$ select s.job_id, s.created, s.state, s.available_at from submit('once', '{"m": 2, "n": 1}', idempotency_key => 'key 1') as s $$,
    $$ select i.job_id, false, 'ready', i.available_at from job(pg_temp.job('once')) as i $$,
    'a known key returns the first job, with created = false'
);
select is((select count(*) from job as j where j.next_need = 'once'), 1::bigint, 'the key has one job');
select pg_temp.changes_nothing($$ select submit('once', '{"m": 2, "n": 1}', idempotency_key => 'key 1') $$, 'a repeated submit changes no row');
select results_eq(
    $$
        select s.job_id, s.created
        from submit(
            'once', '{"m": 2, "n": 1}', idempotency_key => 'key 1', priority => 5, max_attempts => 7, singleton_key => 's', metadata => '{"x": 1}',
            available_at => '2100-01-01 00:00+00', submitted_by => 'another'
        ) as s
    $$,
    $$ values (pg_temp.job('once'), false) $$,
    'need, payload and job_id make the request; other arguments may differ'
);
select pg_temp.refused($$ select submit('other', '{"n": 1, "m": 2}', idempotency_key => 'key 1') $$, 'LH006', 'another need: LH006');
select pg_temp.refused($$ select submit('once', '{"n": 1}', idempotency_key => 'key 1') $$, 'LH006', 'another payload: LH006');
select pg_temp.refused(
    $$ select submit('once', '{"n": 1, "m": 2}', job_id => pg_temp.id(3), idempotency_key => 'key 1') $$, 'LH006', 'a job_id in place of none: LH006'
);
select is(
    pg_temp.detail_of($$ select submit('other', idempotency_key => 'key 1') $$) ->> 'job_id', pg_temp.job('once')::text, 'the DETAIL names the first job'
);
select pg_temp.keep('equal', submit('equal', jsonb_build_object('n', 1.10, 'a"b\1.0', '1.0'), idempotency_key => 'key e')) \gset
set local standard_conforming_strings = off;
select is(
    (submit('equal', jsonb_build_object(e'a"b\\1.0', '1.0', 'n', 1.1), idempotency_key => 'key e')).job_id, pg_temp.job('equal'),
    'payloads that are equal as jsonb are one request, whatever the settings of the session'
);
select pg_temp.refused(
    $$ select submit('equal', jsonb_build_object(e'a"b\\1.0', '1', 'n', 1.1), idempotency_key => 'key e') $$, 'LH006', 'texts that look like numbers are texts'
);
reset standard_conforming_strings;
select pg_temp.take('once') \gset
select is((submit('once', '{"n": 1, "m": 2}', idempotency_key => 'key 1')).state, 'leased', 'the answer has the present state: leased');
select complete(pg_temp.job('once'), pg_temp.lease('once')) \gset
select results_eq(
    $$ select s.job_id, s.created, s.state from submit('once', '{"n": 1, "m": 2}', idempotency_key => 'key 1') as s $$,
    $$ values (pg_temp.job('once'), false, 'succeeded') $$,
    'the key is kept when the job has ended'
);
select pg_temp.refused($$ select submit('other', idempotency_key => 'key 1') $$, 'LH006', 'the key is kept against another request too: LH006');
select pg_temp.keep('with_id', submit('once', job_id => pg_temp.id(4), idempotency_key => 'key 2')) \gset
select results_eq(
    $$ select s.job_id, s.created from submit('once', job_id => pg_temp.id(4), idempotency_key => 'key 2') as s $$,
    $$ values (pg_temp.id(4), false) $$,
    'a key and an id, repeated, return the first job, not LH005'
);
select pg_temp.refused($$ select submit('once', job_id => pg_temp.id(4), idempotency_key => 'key 3') $$, 'LH005', 'the id with another key: LH005');
select pg_temp.refused($$ select submit('once', idempotency_key => 'key 2') $$, 'LH006', 'the key without the id: LH006');
select ok((submit('once', idempotency_key => 'KEY 1')).created, 'keys differ by case');
select ok((submit('once', idempotency_key => 'key 1 ')).created, 'keys differ by white space');
select ok((submit('once', idempotency_key => U&'caf\00E9')).created and (submit('once', idempotency_key => U&'cafe\0301')).created, 'keys are compared byte by byte');

-- A purged job leaves its key and its id: both are free again
select pg_temp.keep('purged', submit('purged', '{"n": 1}', job_id => pg_temp.id(6), idempotency_key => 'key 6')) \gset
select cancel(pg_temp.id(6), 'test') \gset
delete from archive as a where a.job_id = pg_temp.id(6);
select results_eq(
    $$ select s.created, s.state from submit('purged', '{"n": 2}', idempotency_key => 'key 6') as s $$, $$ values (true, 'ready') $$,
    'the key of a purged job makes a new job, whatever the request is'
);
select results_eq(
    $$ select s.created, j.payload from submit('purged', '{"n": 2}', idempotency_key => 'key 6') as s join job as j using (job_id) $$,
    $$ values (false, jsonb '{"n": 2}') $$,
    'the key then stands for the new job'
);
select pg_temp.refused($$ select submit('purged', '{"n": 1}', idempotency_key => 'key 6') $$, 'LH006', 'it does not stand for the purged one: LH006');
select results_eq(
    $$ select s.job_id, s.created, s.state from submit('purged', job_id => pg_temp.id(6), idempotency_key => 'key 7') as s $$,
    $$ values (pg_temp.id(6), true, 'ready') $$,
    'the id of a purged job can be given again'
);
select pg_temp.refused($$ select submit('purged', job_id => pg_temp.id(6)) $$, 'LH005', 'only once: LH005');

-- Dependencies -------------------------------------------------------------------------------------------------------

select pg_temp.queued('before1') \gset
select pg_temp.queued('before2') \gset
select pg_temp.keep(
    'behind', submit('behind', wait_for => array[pg_temp.job('before1'), pg_temp.job('before2'), pg_temp.job('before1')])
) \gset
select is(pg_temp.state_of('behind'), 'blocked', 'a job with dependencies is blocked');
select is((submit('behind', wait_for => array[pg_temp.job('before1')])).state, 'blocked', 'submit returns that state');
select set_eq(
    $$ select r.waits_for from why_not_running(pg_temp.job('behind')) as r $$, $$ values (pg_temp.job('before1')), (pg_temp.job('before2')) $$,
    'it waits for each of them once'
);
select is_empty($$ select from get_work('worker', '{behind}') $$, 'nobody gets it');
select pg_temp.take('before1') \gset
select complete(pg_temp.job('before1'), pg_temp.lease('before1')) \gset
select pg_temp.take('before2') \gset
select complete(pg_temp.job('before2'), pg_temp.lease('before2')) \gset
select is(pg_temp.state_of('behind'), 'ready', 'it is ready when all have succeeded');

select count(pg_temp.held(n)) from unnest('{succeeded,dead,cancelled}'::text[]) as n \gset
select complete(pg_temp.job('succeeded'), pg_temp.lease('succeeded'), '1') \gset
select fail(pg_temp.job('dead'), pg_temp.lease('dead'), 'no', false) \gset
select cancel(pg_temp.job('cancelled'), 'test') \gset
select release(pg_temp.job('cancelled'), pg_temp.lease('cancelled')) \gset
create function pg_temp.behind(ended text, policy text) returns text language plpgsql as $behind$
declare
    v_submitted submitted;
begin
    v_submitted := submit('ended.' || ended || '.' || policy, wait_for => array[pg_temp.job(ended)], on_dependency_failure => policy);
    if v_submitted.state <> (job(v_submitted.job_id)).state then
        return v_submitted.state || ', in truth ' || (job(v_submitted.job_id)).state;
    end if;
    return v_submitted.state || coalesce(' ' || (job(v_submitted.job_id)).dead_reason, '');
end
$behind$;
select is(pg_temp.behind(v.ended, v.policy), v.state, format('behind a job that is %s already, with %s: %s', v.ended, v.policy, v.state))
from (values
    ('succeeded', 'hold', 'ready'),
    ('succeeded', 'cascade', 'ready'),
    ('succeeded', 'release', 'ready'),
    ('dead', 'hold', 'blocked'),
    ('dead', 'cascade', 'dead dependency_failed'),
    ('dead', 'release', 'ready'),
    ('cancelled', 'hold', 'dead dependency_failed'),
    ('cancelled', 'cascade', 'cancelled'),
    ('cancelled', 'release', 'ready')
) as v (ended, policy, state);
select is(
    (select w.results from get_work('worker', '{ended.succeeded.hold}') as w), jsonb_build_object(pg_temp.job('succeeded'), 1),
    'a job with a dependency that succeeded before gets its result'
);
select results_eq(
    $$
        select s.state from submit('mixed', wait_for => array[pg_temp.job('succeeded'), pg_temp.job('cancelled')], on_dependency_failure => 'release') as s
        union all
        select s.state from submit('mixed', wait_for => array[pg_temp.job('succeeded'), pg_temp.job('dead')]) as s
        union all
        select s.state
        from submit('mixed', wait_for => array[pg_temp.job('succeeded'), pg_temp.job('full'), pg_temp.job('dead')], on_dependency_failure => 'cascade') as s
    $$,
    $$ values ('ready'), ('blocked'), ('dead') $$,
    'of several dependencies that have ended, the worst end counts'
);
select pg_temp.keep('late', submit('behind', wait_for => array[pg_temp.job('succeeded')], available_at => '2100-01-01 00:00+00')) \gset
select is(pg_temp.state_of('late'), 'scheduled', 'with a dependency that succeeded, and a time in the future: scheduled');
select redrive(pg_temp.job('dead'), 'operator') \gset
select pg_temp.take('dead') \gset
select complete(pg_temp.job('dead'), pg_temp.lease('dead')) \gset
select is((select j.state from job as j where j.next_need = 'ended.dead.hold'), 'ready', 'a job with hold on a dead job goes ahead when that was redriven and has succeeded');
select is(
    (select j.state from job as j where j.next_need = 'ended.dead.cascade'), 'ready', 'a job that died with it is brought back with it, and goes ahead too'
);

select pg_temp.refused($$ select submit('a.b', wait_for => array[gen_random_uuid()]) $$, 'LH004', 'an unknown dependency: LH004');
select results_eq(
    $$
        select d.detail ->> 'waits_for', d.detail -> 'unknown', (d.detail ->> 'unknown_count')::integer
        from (
            values
                ($c$ select submit('a.b', wait_for => array[pg_temp.id(701), pg_temp.job('full'), pg_temp.id(700)]) $c$),
                ($c$ select submit('a.b', wait_for => array(select pg_temp.id(n) from generate_series(700, 800) as n)) $c$)
        ) as c (call)
        cross join lateral pg_temp.detail_of(c.call) as d (detail)
    $$,
    $$
        select pg_temp.id(700)::text, jsonb_agg(pg_temp.id(n) order by n), c.count
        from (values (701, 2), (709, 101)) as c (last, count)
        cross join lateral generate_series(700, c.last) as n
        group by c.last, c.count
        order by c.count
    $$,
    'the DETAIL names all unknown dependencies, or the first ten and their number'
);
select pg_temp.refused(
    $$ select submit('a.b', wait_for => array[pg_temp.job('full'), gen_random_uuid()]) $$, 'LH004', 'an unknown job among others: LH004'
);
select pg_temp.refused(
    $$ select submit('a.b', job_id => pg_temp.id(9), wait_for => array[pg_temp.id(9)]) $$, 'LH004', 'behind itself: LH004'
);
select pg_temp.refused(
    $$ select submit('a.b', wait_for => array[gen_random_uuid()], on_dependency_failure => 'release') $$, 'LH004', 'behind itself, whatever its policy: LH004'
);

-- expires_at and available_at -----------------------------------------------------------------------------------------

select pg_temp.answers(
    $$
        select s.state
        from submit('too.late', available_at => clock_timestamp() + interval '2 hours', expires_at => clock_timestamp() + interval '1 hour') as s
    $$,
    $$ values ('dead') $$,
    'a job whose time would not be before its expires_at is buried at once'
);
select is((select d.dead_reason from dead_letter as d where d.next_need = 'too.late'), 'expired', 'its dead_reason is expired');

-- Valid needs, and texts as data -------------------------------------------------------------------------------------------

select is((submit(v.need)).state, 'ready', format('a need: %s', v.need))
from (values
    ('a'), ('A.b-c_d.1'), ('a%b.c'), ('%a'), ('ä.é'), ($$a'b;--$$), ('{a}'), (repeat('x', 200)), (repeat('é', 100)), ('a\b'), ('a"b')
) as v (need);
select pg_temp.keep(
    'texts',
    submit(
        'texts', singleton_key => repeat('k', 1000), idempotency_key => e'''; -- "%" \\ \t é', submitted_by => repeat('s', 200),
        payload => '{"": {"\\": "''"}}'
    )
) \gset
select results_eq(
    $$ select i.singleton_key, i.idempotency_key, i.submitted_by, i.payload from job(pg_temp.job('texts')) as i $$,
    $$ values (repeat('k', 1000), e'''; -- "%" \\ \t é', repeat('s', 200), jsonb '{"": {"\\": "''"}}') $$,
    'keys and names are data, up to their maximal length'
);
select is((submit('big', jsonb_build_object('x', repeat('x', 1048567)))).state, 'ready', 'a payload of exactly that size is accepted');

-- Valid retry policies --------------------------------------------------------------------------------------------------------

select lives_ok(format('select submit(%L, retry => %L)', 'retry', v.retry), 'a policy: ' || v.retry)
from (values
    ('{}'),
    ('{"kind": "quadratic"}'),
    ('{"kind": "exponential", "initial": "10 seconds", "multiplier": 1.5, "max": "1 hour", "jitter": 0.5, "retryable": ["timeout%", "40%"]}'),
    ('{"kind": "fixed", "initial": "0 s"}'),
    ('{"initial": "PT1M"}'),
    ('{"initial": "00:00:10"}'),
    ('{"jitter": 0}'),
    ('{"jitter": 1}'),
    ('{"multiplier": 1}'),
    ('{"retryable": []}')
) as v (retry);

-- Arguments -------------------------------------------------------------------------------------------------------------------

select pg_temp.refused(format('select submit(next_need => %s)', v.need), 'LH010', v.test || ': LH010')
from (values
    ('null', 'a null need'),
    ($$ '' $$, 'an empty need'),
    ($$ ' ' $$, 'a need that is a space'),
    ($$ 'a b' $$, 'a need with a space in it'),
    ($$ e'a\tb' $$, 'a need with a tab in it'),
    ($$ e'a\n' $$, 'a need with a trailing new line'),
    ($$ e'a\u0001' $$, 'a need with a control character'),
    ($$ e'a\u007f' $$, 'a need with a DEL'),
    ($$ '.' $$, 'a need that is a dot'),
    ($$ '.a' $$, 'a leading dot'),
    ($$ 'a.' $$, 'a trailing dot'),
    ($$ 'a..b' $$, 'two dots in a row'),
    ($$ 'a%' $$, 'a need that ends in %'),
    ($$ 'a.%' $$, 'a prefix'),
    ($$ '%' $$, 'a % alone'),
    ($$ repeat('x', 201) $$, 'a need of 201 bytes'),
    ($$ repeat('é', 101) $$, 'a need of 101 characters that are 202 bytes')
) as v (need, test);
select pg_temp.refused(format($$ select submit('a.b', %s) $$, v.arguments), v.code, v.test || ': ' || v.code)
from (values
    ($$ payload => 'null' $$, 'LH010', 'a payload of JSON null'),
    ($$ payload => '[]' $$, 'LH010', 'a payload that is a list'),
    ($$ payload => '"x"' $$, 'LH010', 'a payload that is a text'),
    ($$ payload => '1' $$, 'LH010', 'a payload that is a number'),
    ($$ payload => 'true' $$, 'LH010', 'a payload that is a boolean'),
    ($$ payload => jsonb_build_object('x', repeat('x', 1048568)) $$, 'LH011', 'a payload one byte too large'),
    ('wait_for => array[null]::uuid[]', 'LH010', 'a null in wait_for'),
    ($$ wait_for => array[pg_temp.job('full'), null] $$, 'LH010', 'a null after an id in wait_for'),
    ($$ wait_for => array[array[pg_temp.job('full')], array[pg_temp.job('late')]] $$, 'LH010', 'a wait_for of two dimensions'),
    ($$ wait_for => array_fill(pg_temp.job('full'), array[100001]) $$, 'LH010', 'a wait_for that is too long'),
    ($$ singleton_key => '' $$, 'LH010', 'an empty singleton_key'),
    ($$ singleton_key => repeat('x', 1001) $$, 'LH010', 'a singleton_key that is too long'),
    ($$ singleton_key => repeat('é', 501) $$, 'LH010', 'a singleton_key that has too many bytes'),
    ($$ idempotency_key => '' $$, 'LH010', 'an empty idempotency_key'),
    ($$ idempotency_key => repeat('x', 1001) $$, 'LH010', 'an idempotency_key that is too long'),
    ('priority => -1', 'LH010', 'a priority below 0'),
    ('priority => 1000', 'LH010', 'a priority above 999'),
    ('priority => 2147483647', 'LH010', 'a priority far above it'),
    ($$ available_at => 'infinity' $$, 'LH010', 'an infinite available_at'),
    ($$ available_at => '-infinity' $$, 'LH010', 'an available_at of minus infinity'),
    ($$ available_at => '4000-01-01 BC' $$, 'LH010', 'an available_at in the far past'),
    ($$ available_at => '20000-01-01' $$, 'LH010', 'an available_at that clients cannot hold'),
    ($$ expires_at => '-infinity' $$, 'LH010', 'an expires_at of minus infinity'),
    ('expires_at => now()', 'LH010', 'an expires_at at the start of this transaction'),
    ($$ expires_at => clock_timestamp() - interval '1 ms' $$, 'LH010', 'an expires_at that has passed'),
    ('max_attempts => 0', 'LH010', 'a max_attempts of zero'),
    ('max_attempts => -1', 'LH010', 'a negative max_attempts'),
    ('max_attempts => 10001', 'LH010', 'a max_attempts that is too large'),
    ($$ on_dependency_failure => '' $$, 'LH010', 'an empty on_dependency_failure'),
    ($$ on_dependency_failure => 'HOLD' $$, 'LH010', 'on_dependency_failure in capitals'),
    ($$ on_dependency_failure => 'ignore' $$, 'LH010', 'an unknown on_dependency_failure'),
    ($$ metadata => 'null' $$, 'LH010', 'metadata of JSON null'),
    ($$ metadata => '[]' $$, 'LH010', 'metadata that are a list'),
    ($$ metadata => '"x"' $$, 'LH010', 'metadata that are a text'),
    ($$ metadata => jsonb_build_object('x', repeat('x', 1048568)) $$, 'LH011', 'metadata that are too large'),
    ($$ submitted_by => '' $$, 'LH010', 'an empty submitted_by'),
    ($$ submitted_by => repeat('x', 201) $$, 'LH010', 'a submitted_by that is too long')
) as v (arguments, code, test);
select pg_temp.refused(format($$ select submit('a.b', retry => %L) $$, v.retry), 'LH010', 'an invalid retry policy: ' || v.retry)
from (values
    ('null'),
    ('[]'),
    ('"fixed"'),
    ('{"kind": "never"}'),
    ('{"kind": null}'),
    ('{"kind": 1}'),
    ('{"kind": "Fixed"}'),
    ('{"delay": "1 s"}'),
    ('{"initial": "soon"}'),
    ('{"initial": ""}'),
    ('{"initial": 60}'),
    ('{"initial": null}'),
    ('{"initial": {}}'),
    ('{"initial": "-1 s"}'),
    ('{"initial": "infinity"}'),
    ('{"initial": "1000 years"}'),
    ('{"initial": "999999999999999999999 years"}'),
    ('{"max": "soon"}'),
    ('{"max": "-1 s"}'),
    ('{"max": 5}'),
    ('{"max": "infinity"}'),
    ('{"multiplier": "2"}'),
    ('{"multiplier": null}'),
    ('{"multiplier": 0}'),
    ('{"multiplier": -1}'),
    ('{"multiplier": 1e300}'),
    ('{"jitter": "0.1"}'),
    ('{"jitter": null}'),
    ('{"jitter": -0.1}'),
    ('{"jitter": 1.1}'),
    ('{"jitter": 1e300}'),
    ('{"retryable": "timeout%"}'),
    ('{"retryable": null}'),
    ('{"retryable": {}}'),
    ('{"retryable": [1]}'),
    ('{"retryable": [null]}'),
    ('{"retryable": [["x"]]}'),
    ('{"retryable": ["x\\"]}')
) as v (retry);
select set_setting('max_payload_bytes', '2048') \gset
select pg_temp.refused($$ select submit('a.b', jsonb_build_object('x', repeat('x', 2048))) $$, 'LH011', 'the setting max_payload_bytes is in force: LH011');

select * from finish();
rollback;
