-- turn: acknowledges a batch and claims the next jobs, in one call.

begin;
select plan(36);
\ir ../include/support.sql
\ir ../include/named.sql

create function pg_temp.says(name text, verb text, arguments jsonb default '{}') returns jsonb language sql as $says$
    select jsonb_build_object('job_id', pg_temp.job(name), 'lease_id', pg_temp.lease(name), 'verb', verb) || arguments;
$says$;

-- Behaviour ------------------------------------------------------------------------------------------------

select count(pg_temp.keep('job' || n, submit('turn.a', jsonb_build_object('n', n)))) from generate_series(1, 4) as n \gset
create temporary table first_turn as
select (t.work).*, t.settled is null as nothing_settled from turn(worker_id => 'worker', capabilities => '{turn.%}', limit_jobs => 2) as t;
select results_eq(
    'select f.job_id, f.attempt, f.payload, f.nothing_settled from first_turn as f',
    $$ values (pg_temp.job('job1'), 1, jsonb '{"n": 1}', true), (pg_temp.job('job2'), 1, '{"n": 2}', true) $$,
    'with nothing done it claims, as get_work does'
);
select ok(
    (select bool_and(f.lease_remaining between interval '55 s' and interval '60 s') from first_turn as f), 'the default lease is one minute'
);
update pg_temp.known as k set lease_id = f.lease_id from first_turn as f where f.job_id = k.job_id;
create temporary table second_turn as
select t.*, row_number() over () as nth
from turn(
    worker_id => 'worker', capabilities => '{turn.a}', lease => '10 minutes', limit_jobs => 5,
    done => jsonb_build_array(pg_temp.says('job2', 'fail', '{"error": "no"}'), pg_temp.says('job1', 'complete', '{"result": 1}'))
) as t;
select results_eq(
    $$ select t.settled is null, t.work is null from second_turn as t order by t.nth $$,
    $$ values (false, true), (false, true), (true, false), (true, false) $$,
    'settled rows come first; in each row either settled or work is null'
);
select results_eq(
    $$ select (t.settled).job_id, (t.settled).verb, (t.settled).ok, (t.settled).state from second_turn as t order by t.nth limit 2 $$,
    $$ values (pg_temp.job('job2'), 'fail', true, 'scheduled'), (pg_temp.job('job1'), 'complete', true, 'succeeded') $$,
    'the elements are answered in order'
);
select results_eq(
    $$ select (t.work).job_id from second_turn as t where t.settled is null order by t.nth $$,
    $$ values (pg_temp.job('job3')), (pg_temp.job('job4')) $$,
    'the next jobs are claimed'
);
select ok(
    (
        select bool_and((t.work).lease_remaining between interval '595 s' and interval '600 s')
        from second_turn as t
        where t.settled is null
    ),
    'they are leased for the requested time'
);
select is_empty($$ select * from turn('worker', '{turn.a}') $$, 'with nothing done and nothing to do it returns nothing');

-- Jobs that the batch frees can be claimed in the same call -------------------------------------------------

select pg_temp.held('first') \gset
select pg_temp.keep('behind', submit('turn.b', wait_for => array[pg_temp.job('first')])) \gset
select results_eq(
    $$
        select (t.work).job_id, (t.work).results
        from turn('worker', '{turn.b}', jsonb_build_array(pg_temp.says('first', 'complete', '{"result": 5}'))) as t
        where t.settled is null
    $$,
    $$ values (pg_temp.job('behind'), jsonb_build_object(pg_temp.job('first'), 5)) $$,
    'a job that waited for the completed one, with its result'
);
select count(pg_temp.keep('u' || n, submit('turn.u'))) from generate_series(1, 2) as n \gset
select pg_temp.take('u1') \gset
select results_eq(
    $$
        select (t.work).job_id
        from turn('worker', '{turn.u}', jsonb_build_array(pg_temp.says('u1', 'reschedule', '{"priority": 1}'))) as t
        where t.settled is null
    $$,
    $$ values (pg_temp.job('u1')) $$,
    'a job that was given a new priority is claimed by it'
);
-- an interval that compares as five days: 100 years in months, minus as many days at 360 a year
select pg_temp.refused(format($$ select %s $$, v.call), 'LH010', v.test)
from (values
    ($$ turn('worker', '{turn.u}', lease => '1200 months -35995 days') $$, 'turn: a lease that is longer than it compares'),
    ($$ get_work('worker', '{turn.u}', lease => '1200 months -35995 days') $$, 'get_work: a lease that is longer than it compares')
) as v (call, test);
select pg_temp.keep('k1', submit('turn.k', singleton_key => 'k')) \gset
select pg_temp.keep('k2', submit('turn.k', singleton_key => 'k')) \gset
select pg_temp.take('k1') \gset
select results_eq(
    $$
        select (t.work).job_id
        from turn('worker', '{turn.k}', jsonb_build_array(pg_temp.says('k1', 'complete')), limit_jobs => 3) as t
        where t.settled is null
    $$,
    $$ values (pg_temp.job('k2')) $$,
    'the next job of its singleton key'
);
select pg_temp.held('back') \gset
select results_eq(
    $$
        select (t.work).job_id, (t.work).attempt
        from turn('worker', '{a.back}', jsonb_build_array(pg_temp.says('back', 'release'))) as t
        where t.settled is null
    $$,
    $$ values (pg_temp.job('back'), 1) $$,
    'even a job that was released'
);

-- Strict, and not ---------------------------------------------------------------------------------------------

select pg_temp.lost('lost') \gset
select pg_temp.held('good') \gset
select pg_temp.keep('next', submit('turn.next')) \gset
select pg_temp.refused(
    $$ select turn('worker', '{turn.next}', jsonb_build_array(pg_temp.says('good', 'complete'), pg_temp.says('lost', 'complete'))) $$, 'LH001',
    'strict: a stale lease raises LH001'
);
select results_eq(
    $$ select pg_temp.state_of(n) from unnest('{good,next}'::text[]) as n $$, $$ values ('leased'), ('ready') $$,
    'nothing of the call stays: neither the ends nor the claim'
);
create temporary table loose as
select t.*, row_number() over () as nth
from turn(
    'worker', '{turn.next}', jsonb_build_array(pg_temp.says('lost', 'complete'), pg_temp.says('good', 'complete')), strict => false
) as t;
select results_eq(
    'select (t.settled).ok, (t.settled).error_code, (t.work).job_id from loose as t order by t.nth',
    $$ values (false, 'LH001', null), (true, null, null), (null, null, pg_temp.job('next')) $$,
    'strict => false: the error is answered in its own row, and spoils neither the others nor the claim'
);
select pg_temp.refused(
    $$ select turn('worker', '{turn.next}', jsonb_build_array(pg_temp.says('good', 'complete'))) $$, 'LH018', 'strict: completing again raises LH018'
);

-- Arguments -----------------------------------------------------------------------------------------------------

select pg_temp.queued('waiting') \gset
select pg_temp.held('x') \gset
select pg_temp.refused(
    format(
        $$ select turn(%s, %s, %s, %s, %s, %s) $$,
        coalesce(v.worker_id, '''worker'''), coalesce(v.capabilities, $$ '{a.waiting}' $$),
        coalesce(v.done, $$ jsonb_build_array(pg_temp.says('x', 'complete')) $$), coalesce(v.lease, $$ '60 s' $$), coalesce(v.limit_jobs, '1'),
        coalesce(v.strict, 'true')
    ),
    'LH010', v.test || ': LH010'
)
from (values
    ('null', null, null, null, null, null, 'a null worker'),
    ($$ '' $$, null, null, null, null, null, 'an empty worker'),
    ('repeat(''x'', 201)', null, null, null, null, null, 'a worker that is too long'),
    (null, 'null', null, null, null, null, 'null capabilities'),
    (null, $$ '{}' $$, null, null, null, null, 'empty capabilities'),
    (null, $$ '{{a},{b}}' $$, null, null, null, null, 'capabilities of two dimensions'),
    (null, $$ '{a,null}' $$, null, null, null, null, 'a null capability'),
    (null, $$ '{""}' $$, null, null, null, null, 'an empty capability'),
    (null, $$ array_fill('a'::text, array[1001]) $$, null, null, null, null, 'too many capabilities'),
    (null, null, $$ '{}' $$, null, null, null, 'a done that is an object'),
    (null, null, $$ '[{}]' $$, null, null, null, 'an empty element'),
    (null, null, $$ jsonb_build_array(pg_temp.says('x', 'burn')) $$, null, null, null, 'an unknown verb'),
    (null, null, null, $$ '0 s' $$, null, null, 'a lease of zero'),
    (null, null, null, $$ '-1 s' $$, null, null, 'a negative lease'),
    (null, null, null, $$ '8 days' $$, null, null, 'a lease above the setting'),
    (null, null, null, null, '0', null, 'a limit of zero'),
    (null, null, null, null, '-1', null, 'a negative limit'),
    (null, null, null, null, '1001', null, 'a limit that is too high')
) as v (worker_id, capabilities, done, lease, limit_jobs, strict, test);
select results_eq(
    $$ select pg_temp.state_of(n) from unnest('{x,waiting}'::text[]) as n $$, $$ values ('leased'), ('ready') $$,
    'after all these refusals no job is ended and none is claimed'
);

select * from finish();
rollback;
