-- get_work: leases jobs to a worker.

begin;
select plan(102);
\ir ../include/support.sql
\ir ../include/named.sql

-- The rows that a worker gets ---------------------------------------------------------------------------

select is_empty($$ select * from get_work('worker', '{nothing.here}') $$, 'without work there are no rows');
select pg_temp.keep(
    'full', submit('billing.invoice', '{"n": 1}', singleton_key => 'customer 7', metadata => '{"trace": "t"}', max_attempts => 5)
) \gset
create temporary table got as
select w.* from get_work(worker_id => 'worker 1', capabilities => '{billing.invoice}', lease => '5 minutes', limit_jobs => 1) as w;
select results_eq(
    $$
        select
            g.job_id, g.next_need, g.payload, g.attempt, g.max_attempts, g.singleton_key, g.metadata, g.run_id, g.step, g.results,
            g.results_truncated
        from got as g
    $$,
    $$
        values (
            pg_temp.job('full'), 'billing.invoice', jsonb '{"n": 1}', 1, 5, 'customer 7', jsonb '{"trace": "t"}', null::uuid, null::text,
            jsonb '{}', false
        )
    $$,
    'a row has everything that a worker needs'
);
select ok(
    (select g.lease_expires_at - clock_timestamp() between interval '295 s' and interval '300 s' from got as g), 'the lease ends the given time from now'
);
select ok(
    (select g.lease_remaining between interval '295 s' and interval '300 s' from got as g), 'lease_remaining says how much of it remains'
);
select matches(
    (select g.lease_id::text from got as g), '^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab]', 'the lease_id is a uuid v8'
);
select submit('seeded'), submit('seeded') \gset
select setseed(0.5) \gset
select lease_id as seeded_1 from get_work('worker', '{seeded}') \gset
select setseed(0.5) \gset
select lease_id as seeded_2 from get_work('worker', '{seeded}') \gset
select isnt(
    substr(:'seeded_2', 20, 13), substr(:'seeded_1', 20, 13), 'a session that calls setseed() cannot foretell its random bits'
);
select ok(
    (select count(*) filter (where c.chosen) between 100 and 300 from (select setseed(0.5), _one_in_fifty() as chosen from generate_series(1, 10000)) as c),
    'nor does it influence which claim in fifty advances the watermarks'
);
select results_eq(
    $$
        select i.state, i.attempt, i.worker_id, i.lease_id, i.fence, i.lease_expires_at, i.leased_at <= clock_timestamp()
        from job(pg_temp.job('full')) as i
    $$,
    $$ select 'leased', 1, 'worker 1', g.lease_id, g.fence, g.lease_expires_at, true from got as g $$,
    'the job is leased to this worker'
);
select is_empty($$ select * from get_work('worker 2', '{billing.%}') $$, 'the job is leased to no other worker');
select pg_temp.queued('bare') \gset
create temporary table bare as select w.* from get_work('worker', '{a.bare}') as w;
select results_eq(
    $$ select b.max_attempts, b.metadata, b.singleton_key, b.lease_remaining between interval '55 s' and interval '60 s' from bare as b $$,
    $$ values (3, jsonb '{}', null::text, true) $$,
    'by default there are three attempts, no metadata and a lease of a minute'
);
select cmp_ok((select b.fence from bare as b), '>', (select g.fence from got as g), 'each lease has a higher fence than the one before');
select release(b.job_id, b.lease_id) from bare as b \gset
create temporary table bare_again as select w.* from get_work('worker', '{a.bare}') as w;
select ok(
    (select a.fence > b.fence and a.lease_id <> b.lease_id and a.job_id = b.job_id from bare as b, bare_again as a),
    'a later lease of the same job has a higher fence too, and a new lease_id'
);
select is_empty($$ select from departure as d where d.job_id = pg_temp.job('full') $$, 'the normal course leaves no history');

-- Order ----------------------------------------------------------------------------------------------------

select pg_temp.keep('o1', submit('order.a', priority => 100)) \gset
select pg_temp.keep('o2', submit('order.b', priority => 50)) \gset
select pg_temp.keep('o3', submit('order.a', priority => 0)) \gset
select pg_temp.keep('o4', submit('order.c', priority => 100)) \gset
select pg_temp.keep('o5', submit('order.b', priority => 999)) \gset
select pg_temp.keep('o6', submit('order.a', priority => 50)) \gset
create function pg_temp.names(ids uuid[]) returns text language sql as $names$
    select string_agg(k.name, ' ' order by i.ordinality)
    from unnest(ids) with ordinality as i (job_id, ordinality) join pg_temp.known as k on k.job_id = i.job_id;
$names$;
select is(
    pg_temp.names(array(select w.job_id from get_work('worker', '{order.%}', limit_jobs => 4) as w)), 'o3 o2 o6 o1',
    'jobs are claimed by priority number, then by age, over all the needs of the worker'
);
select is(
    pg_temp.names(array(select w.job_id from get_work('worker', '{order.a,order.b,order.c}', limit_jobs => 10) as w)), 'o4 o5',
    'a claim returns no more jobs than there are'
);
select count(pg_temp.keep('one' || n, submit('order.one', priority => 10 - n % 2))) from generate_series(1, 5) as n \gset
select is(
    pg_temp.names(array(select w.job_id from get_work('worker', '{order.one}', limit_jobs => 5) as w)), 'one1 one3 one5 one2 one4',
    'the order within one need is the same'
);
select count(pg_temp.keep('limit' || n, submit('order.limit'))) from generate_series(1, 3) as n \gset
select is(
    pg_temp.names(array(select w.job_id from get_work('worker', '{order.limit}') as w)), 'limit1', 'the default limit is one job'
);

-- The oldest job is the one that has been ready longest: promotion draws queue numbers in the order of available_at, whatever the order of submit.
select count(pg_temp.keep('s' || n, submit('order.s', available_at => clock_timestamp() + interval '1 hour'))) from generate_series(1, 3) as n \gset
update job as j
set available_at = clock_timestamp() - interval '1 s' * right(k.name, 1)::integer
from pg_temp.known as k where k.job_id = j.job_id and j.next_need = 'order.s';
select pg_temp.keep('s4', submit('order.s')) \gset
select sweep() \gset
select pg_temp.keep('s5', submit('order.s')) \gset
select is(
    pg_temp.names(array(select w.job_id from get_work('worker', '{order.s}', limit_jobs => 10) as w)), 's4 s3 s2 s1 s5',
    'promoted jobs stand behind the jobs that were ready before, in the order of their times'
);

-- Capabilities -----------------------------------------------------------------------------------------------

create function pg_temp.serves(capabilities text[], needs text[]) returns text[] language plpgsql as $serves$
declare
    v_served text[];
begin
    perform submit(n) from unnest(needs) as n;
    v_served := array(select w.next_need from get_work('worker', capabilities, limit_jobs => 100) as w order by w.next_need collate "C");
    perform cancel(j.job_id, 'test') from job as j where j.next_need = any (needs) and j.state = 'ready';
    return v_served;
end
$serves$;
select is(
    pg_temp.serves(v.capabilities, v.needs), v.served,
    format('capabilities %s serve, of %s: %s', array_to_string(v.capabilities, ', '), array_to_string(v.needs, ', '), array_to_string(v.served, ', '))
)
from (values
    ('{c.a}'::text[], '{c.a,c.a.b,c,c.ab}'::text[], '{c.a}'::text[]),
    ('{c.a.%}', '{c.a,c.a.b,c.a.b.c,c.ab}', '{c.a.b,c.a.b.c}'),
    ('{c.a%}', '{c.a,c.a.b,c.ab,c.b}', '{c.a,c.a.b,c.ab}'),
    ('{d.x,d.y}', '{d.x,d.y,d.z}', '{d.x,d.y}'),
    ('{d.x,d.x,d.%}', '{d.x,d.z}', '{d.x,d.z}'),
    ('{e.%,e.a.%,e.a.b}', '{e.a.b,e.b}', '{e.a.b,e.b}'),
    ('{f_a}', '{f_a,fxa}', '{f_a}'),
    ('{f_%}', '{f_a,fxa}', '{f_a}'),
    ('{g%h}', '{g%h,gxh}', '{g%h}'),
    ('{g%h%}', '{g%h,g%hi,gxh}', '{g%h,g%hi}'),
    (array['i\%'], array['i\a', 'ia', 'i%a'], array['i\a']),
    (array['k\'], array['k\', 'k'], array['k\']),
    ('{L.%}', '{L.a,l.a}', '{L.a}'),
    (array['é.%'], array['é.a', 'e.a'], array['é.a']),
    (array[U&'caf\00E9.%'], array[U&'caf\00E9.a', U&'cafe\0301.a'], array[U&'caf\00E9.a']),
    (array['o'';--%'], array['o''x'], '{}')
) as v (capabilities, needs, served);
select submit('p.last') \gset
select is(
    (select bool_or(w.next_need = 'p.last') from get_work('worker', '{%}', limit_jobs => 1000) as w), true, '% alone serves every need'
);
select is((select count(*) from job as j where j.state = 'ready'), 0::bigint, '% alone serves really every need');
select submit('q.first') \gset
select is(
    (
        select w.next_need
        from get_work('worker', (select array_agg('q.none' || n) from generate_series(1, 999) as n) || '{q.first}'::text[]) as w
    ),
    'q.first', 'a thousand capabilities are accepted'
);

-- Singleton keys ------------------------------------------------------------------------------------------------

select count(submit('key.a', singleton_key => 'k1')), count(submit('key.b', singleton_key => 'k1')), count(submit('key.a', singleton_key => 'k2'))
from generate_series(1, 3) \gset
create temporary table keyed as select w.* from get_work('worker', '{key.%}', limit_jobs => 10) as w;
select results_eq(
    'select k.singleton_key, count(*) from keyed as k group by 1 order by 1', $$ values ('k1', 1::bigint), ('k2', 1::bigint) $$,
    'one call leases one job of a key, over all its needs'
);
select is_empty($$ select from get_work('worker', '{key.%}', limit_jobs => 10) $$, 'so does the next call');
select complete(k.job_id, k.lease_id) from keyed as k where k.singleton_key = 'k1' \gset
select results_eq(
    $$ select w.singleton_key from get_work('worker', '{key.%}', limit_jobs => 10) as w $$, $$ values ('k1') $$, 'its end admits the next one'
);
select submit('key.c', singleton_key => 'K'), submit('key.c', singleton_key => 'k'), submit('key.c', singleton_key => 'k '), submit('key.c') \gset x_
select is(
    (select count(*) from get_work('worker', '{key.c}', limit_jobs => 10)), 4::bigint,
    'keys that differ by case or white space are different keys, and a null key is no key'
);
select pg_temp.keep('kp1', submit('key.p', singleton_key => 'p', priority => 100)) \gset
select pg_temp.keep('kp2', submit('key.p', singleton_key => 'p', priority => 10)) \gset
select is(
    pg_temp.names(array(select w.job_id from get_work('worker', '{key.p}', limit_jobs => 10) as w)), 'kp2', 'of one key the job with the lowest priority number goes first'
);

-- A claim reclaims an expired lease -------------------------------------------------------------------------------

select pg_temp.held('crash') \gset
select is_empty($$ select from get_work('another', '{a.crash}') $$, 'nobody else gets the job while its lease is current');
select pg_temp.run_out(pg_temp.job('crash')) \gset
select is_empty($$ select from get_work('another', '{quite.other}') $$, 'a get_work with any capabilities …');
select results_eq(
    $$
        select i.state, i.attempt, i.crashes, i.available_at - clock_timestamp() between interval '53 s' and interval '66 s'
        from job(pg_temp.job('crash')) as i
    $$,
    $$ values ('scheduled', 1, 1, true) $$,
    '… reclaims it: the job backs off as after a failure, with one more crash'
);
select results_eq(
    $$ select d.state, d.actor from departure as d where d.job_id = pg_temp.job('crash') $$, $$ values ('scheduled', 'worker') $$,
    'the history says whose lease it was'
);
select pg_temp.is_due(pg_temp.job('crash')) \gset
select results_eq(
    $$ select w.job_id, w.attempt from get_work('another', '{a.crash}') as w $$, $$ values (pg_temp.job('crash'), 2) $$,
    'the next lease is the next attempt: a crash counts'
);

-- Crashes in a row, with nothing but time between them.
create function pg_temp.crashes(name text, times integer) returns void language plpgsql as $crashes$
begin
    for v_turn in 1 .. times loop
        perform pg_temp.is_due(pg_temp.job(name));
        perform pg_temp.take(name);
        perform pg_temp.run_out(pg_temp.job(name));
        perform get_work('another', '{quite.other}');
    end loop;
end
$crashes$;
create function pg_temp.death_of(name text) returns text language sql as $death_of$
    select i.state || ' ' || coalesce(i.dead_reason, '') || format(' %s/%s', i.attempt, i.crashes) from job(pg_temp.job(name)) as i;
$death_of$;
select pg_temp.queued('loop') \gset
select pg_temp.crashes('loop', 3) \gset
select is(pg_temp.death_of('loop'), 'dead crash_loop 3/3', 'three crashes in a row bury the job as crash_loop, which wins over attempts_exhausted');
select pg_temp.keep('many', submit('a.many', max_attempts => 100)) \gset
select pg_temp.crashes('many', 3) \gset
select is(pg_temp.death_of('many'), 'dead crash_loop 3/3', 'a crash loop buries the job even if attempts are left');
select pg_temp.keep('few', submit('a.few', max_attempts => 2)) \gset
select pg_temp.crashes('few', 2) \gset
select is(pg_temp.death_of('few'), 'dead attempts_exhausted 2/2', 'fewer crashes can use up the attempts');
select pg_temp.keep('mixed', submit('a.mixed', max_attempts => 100)) \gset
select pg_temp.crashes('mixed', 2) \gset
select pg_temp.is_due(pg_temp.job('mixed')) \gset
select pg_temp.take('mixed') \gset
select fail(pg_temp.job('mixed'), pg_temp.lease('mixed'), 'no') \gset
select pg_temp.crashes('mixed', 2) \gset
select is(pg_temp.death_of('mixed'), 'scheduled  5/2', 'an attempt that ends by fail interrupts the crashes in a row');
select pg_temp.crashes('mixed', 1) \gset
select is(pg_temp.death_of('mixed'), 'dead crash_loop 6/3', 'after that, three more crashes make a loop');
select set_setting('max_crashes', '1') \gset
select pg_temp.queued('once') \gset
select pg_temp.crashes('once', 1) \gset
select is(pg_temp.death_of('once'), 'dead crash_loop 1/1', 'the setting max_crashes is in force');
select set_setting('max_crashes', null) \gset
select pg_temp.keep('hurried', submit('a.hurried', expires_at => clock_timestamp() + interval '30 s')) \gset
select pg_temp.crashes('hurried', 1) \gset
select is(pg_temp.death_of('hurried'), 'dead expired 1/1', 'a job whose next time would not be before its expires_at is buried at once');
select pg_temp.held('stopped') \gset
select cancel(pg_temp.job('stopped'), 'operator') \gset
select pg_temp.run_out(pg_temp.job('stopped')) \gset
select count(*) from get_work('another', '{quite.other}') \gset
select is(pg_temp.state_of('stopped'), 'cancelled', 'if cancellation was requested, the expired lease ends the job cancelled');
select pg_temp.keep('fixed', submit('a.fixed', retry => '{"kind": "fixed", "initial": "1000 s", "jitter": 0, "retryable": ["nothing"]}')) \gset
select pg_temp.crashes('fixed', 1) \gset
select ok(
    (
        select i.state = 'scheduled' and i.available_at - clock_timestamp() between interval '995 s' and interval '1000 s'
        from job(pg_temp.job('fixed')) as i
    ),
    'a crash backs off by the job''s own policy; the patterns of retryable errors do not apply to it'
);

-- expires_at -------------------------------------------------------------------------------------------------------

select count(pg_temp.keep('e' || n, submit('start.by', expires_at => clock_timestamp() + interval '1 hour'))) from generate_series(1, 3) as n \gset
select pg_temp.is_late(pg_temp.job('e1')) \gset
select is(
    pg_temp.names(array(select w.job_id from get_work('worker', '{start.by}', limit_jobs => 2) as w)), 'e2 e3',
    'a job whose expires_at has passed is not leased, and does not keep another job from being leased'
);
select results_eq(
    $$ select i.state, i.dead_reason, i.attempt from job(pg_temp.job('e1')) as i $$, $$ values ('dead', 'expired', 0) $$, 'it is dead, as expired'
);
select is((select count(*) from job as j where j.next_need = 'start.by' and j.state = 'leased'), 2::bigint, 'expires_at does not end a lease that is held');
select pg_temp.keep('e4', submit('start.by', available_at => clock_timestamp() + interval '1 minute', expires_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.is_due(pg_temp.job('e4')) \gset
select pg_temp.is_late(pg_temp.job('e4')) \gset
select is_empty($$ select from get_work('worker', '{start.by}') $$, 'a scheduled job whose available_at and expires_at have both passed is not leased');
select is(pg_temp.death_of('e4'), 'dead expired 0/0', 'it is dead, as expired');

-- The results of its dependencies ------------------------------------------------------------------------------------

-- A job of the given need behind n others that succeeded, each with a text of the given number of bytes.
create function pg_temp.gathers(need text, n integer, bytes integer, variadic twice integer[] default '{}') returns void language plpgsql as $gathers$
declare
    v_ids uuid[];
begin
    v_ids := array(select (submit(need || '.part')).job_id from generate_series(1, n));
    perform pg_temp.keep(need, submit(need, wait_for => v_ids || array(select v_ids[t] from unnest(twice) as t)));
    perform complete(w.job_id, w.lease_id, to_jsonb(repeat('x', bytes - 2))) from get_work('worker', array[need || '.part'], limit_jobs => 1000) as w;
    perform sweep(), sweep();
end
$gathers$;
select pg_temp.gathers('sum', 3, 10) \gset
create temporary table summed as select w.* from get_work('worker', '{sum}') as w;
select results_eq(
    $$ select count(*), min(r.value #>> '{}'), s.results_truncated from summed as s, jsonb_each(s.results) as r group by 3 $$,
    $$ values (3::bigint, 'xxxxxxxx', false) $$,
    'results has the result of each dependency by its job_id'
);
select fail(s.job_id, s.lease_id, 'no', retry_after => '0') from summed as s \gset
select is(
    (select w.results from get_work('worker', '{sum}') as w), (select s.results from summed as s), 'the next attempt gets them too'
);
select pg_temp.gathers('fits', 1, 65000) \gset
select results_eq(
    $$ select w.results_truncated, length(w.results ->> (job(w.job_id)).wait_for[1]::text) from get_work('worker', '{fits}') as w $$,
    $$ values (false, 64998) $$,
    'results of just below 64 kB are in the row'
);
select pg_temp.gathers('large', 1, 66000) \gset
create temporary table large as select w.* from get_work('worker', '{large}') as w;
select results_eq(
    'select l.results, l.results_truncated from large as l', $$ values (jsonb '{}', true) $$, 'results above 64 kB are not in the row, and the row says so'
);
select is(
    (select length(r.result #>> '{}') from large as l, results(l.job_id, l.lease_id) as r), 65998, 'results() returns the truncated ones'
);
select pg_temp.gathers('several', 10, 7000) \gset
select is((select w.results_truncated from get_work('worker', '{several}') as w), true, 'the limit applies to all results together');
select pg_temp.gathers('named_twice', 1, 40000, 1, 1) \gset
select is(
    (select w.results_truncated from get_work('worker', '{named_twice}') as w), false, 'a dependency that was named twice counts once'
);
select pg_temp.held('bad') \gset
select pg_temp.held('good') \gset
select pg_temp.keep(
    'anyway', submit('anyway', wait_for => array[pg_temp.job('bad'), pg_temp.job('good')], on_dependency_failure => 'release')
) \gset
select fail(pg_temp.job('bad'), pg_temp.lease('bad'), 'no', false) \gset
select complete(pg_temp.job('good'), pg_temp.lease('good')) \gset
select is(
    (select w.results -> pg_temp.job('good')::text from get_work('worker', '{anyway}') as w), 'null',
    'a dependency that succeeded without a result is null'
);

-- Arguments ----------------------------------------------------------------------------------------------------------------

select submit('x') \gset
select pg_temp.refused(
    format(
        $$ select get_work(%s, %s, %s, %s) $$, coalesce(v.worker_id, '''worker'''), coalesce(v.capabilities, $$ '{x}' $$),
        coalesce(v.lease, $$ '60 s' $$), coalesce(v.limit_jobs, '1')
    ),
    'LH010', v.test || ': LH010'
)
from (values
    ('null', null, null, null, 'a null worker'),
    ($$ '' $$, null, null, null, 'an empty worker'),
    ($$ repeat('x', 201) $$, null, null, null, 'a worker that is too long'),
    ($$ repeat('é', 101) $$, null, null, null, 'a worker that has too many bytes'),
    (null, 'null', null, null, 'null capabilities'),
    (null, $$ '{}' $$, null, null, 'empty capabilities'),
    (null, $$ '{{x}}' $$, null, null, 'capabilities of two dimensions'),
    (null, $$ '{{x,y},{z,%}}' $$, null, null, 'several capabilities of two dimensions'),
    (null, $$ array[null]::text[] $$, null, null, 'a null capability'),
    (null, $$ '{x,null}' $$, null, null, 'a null after a capability'),
    (null, $$ '{""}' $$, null, null, 'an empty capability'),
    (null, $$ '{"x y"}' $$, null, null, 'a capability with a space'),
    (null, $$ '{"x %"}' $$, null, null, 'a prefix with a space'),
    (null, $$ array[e'x\t%'] $$, null, null, 'a prefix with a tab'),
    (null, $$ '{.x}' $$, null, null, 'a capability with a leading dot'),
    (null, $$ '{x.}' $$, null, null, 'a capability with a trailing dot'),
    (null, $$ '{x..y}' $$, null, null, 'a capability with two dots in a row'),
    (null, $$ array[repeat('x', 201)] $$, null, null, 'a capability that is too long'),
    (null, $$ array[repeat('x', 201) || '%'] $$, null, null, 'a prefix that is too long'),
    (null, $$ array_fill('x'::text, array[1001]) $$, null, null, 'too many capabilities'),
    (null, null, $$ '0 s' $$, null, 'a lease of zero'),
    (null, null, $$ '-1 s' $$, null, 'a negative lease'),
    (null, null, $$ '7 days 1 microsecond' $$, null, 'a lease above the setting max_lease'),
    (null, null, $$ '1 month' $$, null, 'a lease of a month'),
    (null, null, $$ '100 years' $$, null, 'a lease of a century'),
    (null, null, case when current_setting('server_version_num')::integer >= 170000 then $$ 'infinity' $$ else $$ '170000000 years' $$ end, null, 'an infinite lease'),
    (null, null, null, '0', 'a limit of zero'),
    (null, null, null, '-1', 'a negative limit'),
    (null, null, null, '1001', 'a limit that is too high')
) as v (worker_id, capabilities, lease, limit_jobs, test);
select is((select j.state from job as j where j.next_need = 'x'), 'ready', 'after all these refusals the job is still there');
select is((select w.next_need from get_work(repeat('w', 200), '{x}', '7 days', 1000) as w), 'x', 'a worker, a lease and a limit of the maximal size are accepted');

-- Options --------------------------------------------------------------------------------------------------

-- nothing writes run_id and step yet
select count(submit('has.options', idempotency_key => 'o' || n)) from generate_series(1, 3) as n \gset
update ready set options = _pack_options(4, null, (options).idempotency_key, null, pg_temp.id(7), 'pack') where next_need = 'has.options';
select results_eq(
    $$ select g.max_attempts, g.run_id, g.step, g.results, g.results_truncated from get_work('w', '{has.options}') as g $$,
    $$ values (4, pg_temp.id(7), 'pack', jsonb '{}', false) $$, 'a claim of one job returns run_id and step, which few jobs have'
);
select results_eq(
    $$ select g.max_attempts, g.run_id, g.step, g.results, g.results_truncated from get_work('w', '{has.options}', limit_jobs => 2) as g $$,
    $$ values (4, pg_temp.id(7), 'pack', jsonb '{}', false), (4, pg_temp.id(7), 'pack', jsonb '{}', false) $$, 'so does a claim of several'
);

select * from finish();
rollback;
