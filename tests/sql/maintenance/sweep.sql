-- sweep: promotes, reclaims, expires, frees and admits, so that nothing depends on polling workers.

begin;
\ir ../include/support.sql
select plan(48);

select results_eq('select * from sweep()', 'values (0, 0, 0, 0, 0)', 'with nothing due it does nothing');

-- promotes ---------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(n), next_need => 'sw.later', available_at => now() + interval '1 h') from generate_series(1, 4) as n;
update job set available_at = now() - interval '1 min' * n.value from (values (1, 1), (2, 3), (3, 2)) as n (id, value) where job_id = pg_temp.id(n.id);
select is((sweep()).promoted, 3, 'due jobs are promoted');
select is(array(select pg_temp.state(pg_temp.id(n)) from generate_series(1, 4) as n), '{ready,ready,ready,scheduled}', 'no others are');
select is(array(select job_id from get_work(worker_id => 'w', capabilities => '{sw.later}', limit_jobs => 9)), array[pg_temp.id(2), pg_temp.id(3), pg_temp.id(1)],
    'the job whose time came first goes first');

-- reclaims ---------------------------------------------------------------------------------------

select job_id as crashed, lease_id as crashed_lease from pg_temp.leased('sw.crashed') \gset
select pg_temp.run_out(:'crashed');
select is((sweep()).reclaimed, 1, 'an expired lease is reclaimed');
select results_eq(format('select state, attempt, crashes, error from job(job_id => %L)', :'crashed'), $$ values ('scheduled', 1, 1, 'the lease ran out') $$,
    'the job backs off, and its crash is counted');
select results_eq(format('select event, actor, state from departure where job_id = %L', :'crashed'), $$ values ('reclaimed', 'w', 'scheduled') $$,
    'the history says whose lease it was');
select ok((job(:'crashed')).available_at between now() + interval '50 s' and clock_timestamp() + interval '70 s', 'it backs off by its policy: about a minute after attempt 1');
select is((sweep()).reclaimed, 0, 'once');

select job_id as extended, lease_id as extended_lease from pg_temp.leased('sw.extended') \gset
select extend(job_id => :'extended', lease_id => :'extended_lease', lease => '1 hour');
update job set check_at = now() where job_id = :'extended';
select is((sweep()).reclaimed, 0, 'a lease that has been extended is not reclaimed');
select extend(job_id => :'extended', lease_id => :'extended_lease', lease => '2 hours');
select cmp_ok((select check_at from job where job_id = :'extended'), '>', now() + interval '119 min', 'its next heartbeat files it anew');
select ok(complete(job_id => :'extended', lease_id => :'extended_lease'), 'the lease is still current');

-- a server that has just started
select job_id as restarted, lease_id as restarted_lease from pg_temp.leased('sw.restarted') \gset
update job
set leased_at = now() - interval '1 s' - (now() - pg_postmaster_start_time()) - interval '1 h',
    lease_expires_at = now() - interval '1 s',
    check_at = now() - interval '1 s'
where job_id = :'restarted';
select is((sweep()).reclaimed, 0, 'no lease expires before the server has been up for as long as the lease');
select ok((lease_status(job_id => :'restarted', lease_id => :'restarted_lease')).held, 'the lease is still held');
select ok(complete(job_id => :'restarted', lease_id => :'restarted_lease'), 'the lease is still current');

-- crash loops win over used-up attempts
select submit(job_id => pg_temp.id(10), next_need => 'sw.loop', max_attempts => 3, retry => '{"kind": "fixed", "initial": "0"}');
create function pg_temp.crash() returns void language sql as $crash$
    select from get_work(worker_id => 'w', capabilities => '{sw.loop}');
    select pg_temp.run_out(pg_temp.id(10));
    select sweep();
    select sweep();
$crash$;
select pg_temp.crash();
select pg_temp.crash();
select is((job(pg_temp.id(10))).crashes, 2, 'crashes in a row are counted');
select pg_temp.crash();
select results_eq(format('select state, dead_reason, attempt, crashes from job(job_id => %L)', pg_temp.id(10)), $$ values ('dead', 'crash_loop', 3, 3) $$,
    'at max_crashes the job is buried as crash_loop, even if its attempts are used up too');
select submit(job_id => pg_temp.id(11), next_need => 'sw.exhausted', max_attempts => 1);
select from get_work(worker_id => 'w', capabilities => '{sw.exhausted}');
select pg_temp.run_out(pg_temp.id(11));
select sweep();
select is((job(pg_temp.id(11))).dead_reason, 'attempts_exhausted', 'before that, used-up attempts bury it');

-- cancellation
select job_id as stopping from pg_temp.leased('sw.stopping') \gset
select cancel(job_id => :'stopping', actor => 'ann');
select pg_temp.run_out(:'stopping');
select is((sweep()).reclaimed, 1, 'a lease whose cancellation was requested is reclaimed');
select is(pg_temp.state(:'stopping'), 'cancelled', 'its job is cancelled');

-- expires ----------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(20), next_need => 'sw.expires', expires_at => now() + interval '2 h');
select submit(job_id => pg_temp.id(21), next_need => 'sw.expires', expires_at => now() + interval '2 h', available_at => now() + interval '1 h');
select submit(job_id => pg_temp.id(22), next_need => 'sw.expires', expires_at => now() + interval '2 h', wait_for => array[pg_temp.id(21)]);
select submit(job_id => pg_temp.id(23), next_need => 'sw.expires.not', expires_at => now() + interval '2 h');
select submit(job_id => pg_temp.id(24), next_need => 'sw.expires.leased', expires_at => now() + interval '2 h');
select lease_id as started from get_work(worker_id => 'w', capabilities => '{sw.expires.leased}') \gset
select pg_temp.is_late(pg_temp.id(n)) from unnest('{20,21,22,24}'::integer[]) as n;
select is((sweep()).expired, 3, 'ready, scheduled and blocked jobs that can no longer start expire');
select is(array(select (job(pg_temp.id(n))).dead_reason from generate_series(20, 24) as n), '{expired,expired,expired,NULL,NULL}',
    'their dead_reason is expired; a job whose time is still to come, and one that has started, do not expire');
select ok(complete(job_id => pg_temp.id(24), lease_id => :'started'), 'the one that has started may end normally');

-- frees ------------------------------------------------------------------------------------------

-- a chain of cascades takes one step per link
select submit(job_id => pg_temp.id(30), next_need => 'sw.root');
select submit(job_id => pg_temp.id(n), next_need => 'sw.chain', wait_for => array[pg_temp.id(n - 1)], on_dependency_failure => 'cascade') from generate_series(31, 40) as n;
select fail_unheld(job_id => pg_temp.id(30), actor => 'ann', error => 'no', retryable => false);
select sweep() from generate_series(1, 10);
select is((select count(*) from generate_series(30, 40) as n where pg_temp.state(pg_temp.id(n)) = 'dead'), 11::bigint, 'a chain of cascades dies to its end');
select redrive(job_id => pg_temp.id(30), actor => 'ann');
select sweep() from generate_series(1, 10);
select is((select count(*) from generate_series(31, 40) as n where pg_temp.state(pg_temp.id(n)) = 'blocked'), 10::bigint, 'a redrive brings it back to its end');

-- more dependents than one call frees
select submit(job_id => pg_temp.id(1000), next_need => 'sw.hub');
select submit_many(jobs => (select jsonb_agg(jsonb_build_object('next_need', 'sw.spoke', 'wait_for', jsonb_build_array(pg_temp.id(1000)))) from generate_series(1, 2500)));
select complete_unheld(job_id => pg_temp.id(1000), actor => 'ann');
select is((select count(*) from job where next_need = 'sw.spoke' and state = 'ready'), 0::bigint, 'the call that ends a job with many dependents frees none of them');
create temporary table freed as select (sweep()).freed from generate_series(1, 4);
select is((select array_agg(freed) from freed), '{1000,1000,500,0}', 'sweep frees them in chunks, and returns how many');
select is((select count(*) from job where next_need = 'sw.spoke' and state = 'ready'), 2500::bigint, 'further sweeps free all of them');
select is_empty(format('select from dependency where waits_for = %L', pg_temp.id(1000)), 'no dependency is left');
select is_empty(format('select from deferred where job_id = %L', pg_temp.id(1000)), 'no deferred item of it is left');
select pg_temp.notes_are_old();
select sweep() from generate_series(1, 3);
select is_empty($$ select from deferred as n join job as j on j.job_id = n.job_id where j.next_need = 'sw.spoke' $$, 'none of any dependent is left either, once each was checked');

-- deferred items of an earlier transaction: a dependency that ended unseen
select submit(job_id => pg_temp.id(50), next_need => 'sw.unseen');
select submit(job_id => pg_temp.id(51), next_need => 'sw.unseen.child', wait_for => array[pg_temp.id(50)]);
-- as if the transaction that ended it had not seen the dependency
alter table dependency rename to hidden;
create table dependency (waits_for uuid, job_id uuid);
select complete_unheld(job_id => pg_temp.id(50), actor => 'ann');
drop table dependency;
alter table hidden rename to dependency;
select is(pg_temp.state(pg_temp.id(51)), 'blocked', 'a job whose dependency ended unseen is still blocked');
select pg_temp.notes_are_old();
select is((sweep()).freed, 1, 'sweep checks again and frees it');
select is(pg_temp.state(pg_temp.id(51)), 'ready', 'it is ready');

-- admits -----------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(60), next_need => 'sw.key', singleton_key => 'sw.key');
select submit(job_id => pg_temp.id(61), next_need => 'sw.key', singleton_key => 'sw.key');
select ok((select parked from job where job_id = pg_temp.id(61)), 'the second job of a key is parked');
select cancel(job_id => pg_temp.id(60), actor => 'ann');
select pg_temp.notes_are_old();
select is((sweep()).admitted, 1, 'when the first is gone, sweep admits the second');
select is((select job_id from get_work(worker_id => 'w', capabilities => '{sw.key}')), pg_temp.id(61), 'the second is leased');

-- limit_jobs -------------------------------------------------------------------------------------

select submit(next_need => 'sw.limit', available_at => clock_timestamp() + interval '1 ms') from generate_series(1, 5);
select pg_sleep(0.005);
select is((sweep(limit_jobs => 2)).promoted, 2, 'limit_jobs: at most that many');
select is((sweep(limit_jobs => 2)).promoted, 2, 'the next call continues');
select is((sweep(limit_jobs => 100000)).promoted, 1, 'to the end');

-- lanes; a later transaction removes retired lanes: tests/py/concurrency/scenarios
update lane set retire_at = opened_at where next_need in ('sw.limit', 'sw.key');
select sweep(limit_jobs => 1);
select is((select count(*) from lane where priority < 0), 1::bigint, 'lanes that are due are retired, up to the limit');
select sweep();
select is((select count(*) from lane where next_need = 'sw.limit' and priority = 100), 0::bigint, 'the next call retires the others');
select submit(next_need => 'sw.limit');
select is((select count(*) from lane where next_need = 'sw.limit' and priority = 100), 1::bigint, 'the next job opens its lane anew');
select is(
    (select count(*) from get_work(worker_id => 'w', capabilities => '{sw.limit}', limit_jobs => 100)),
    6::bigint, 'a claim finds the job in it as before'
);

-- Refusals ---------------------------------------------------------------------------------------

select submit(next_need => 'sw.limit', available_at => clock_timestamp() + interval '1 ms');
select pg_sleep(0.005);
select pg_temp.refused(format('select sweep(limit_jobs => %s)', a.value), 'LH010', 'limit_jobs: ' || a.value)
from (values ('0'), ('-1'), ('100001'), ('2147483647')) as a (value);

select * from finish();
rollback;
