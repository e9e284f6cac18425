-- sweep: promotes, reclaims, expires, frees and admits, so that nothing depends on anyone polling.

begin;
\ir ../include/support.sql
select plan(48);

select results_eq('select * from sweep()', 'values (0, 0, 0, 0, 0)', 'where nothing is due it does nothing');

-- promotes ---------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(n), next_need => 'sw.later', available_at => now() + interval '1 h') from generate_series(1, 4) as n;
update job set available_at = now() - interval '1 min' * n.value from (values (1, 1), (2, 3), (3, 2)) as n (id, value) where job_id = pg_temp.id(n.id);
select is((sweep()).promoted, 3, 'jobs whose time came are promoted');
select is(array(select pg_temp.state(pg_temp.id(n)) from generate_series(1, 4) as n), '{ready,ready,ready,scheduled}', 'and no others');
select is(array(select job_id from get_work(worker_id => 'w', capabilities => '{sw.later}', limit_jobs => 9)), array[pg_temp.id(2), pg_temp.id(3), pg_temp.id(1)],
    'the one whose time came first goes first');

-- reclaims ---------------------------------------------------------------------------------------

select job_id as crashed, lease_id as crashed_lease from pg_temp.leased('sw.crashed') \gset
select pg_temp.run_out(:'crashed');
select is((sweep()).reclaimed, 1, 'a lease that ran out is taken away');
select results_eq(format('select state, attempt, crashes, error from job(job_id => %L)', :'crashed'), $$ values ('scheduled', 1, 1, 'the lease ran out') $$,
    'the job backs off, and its crash is counted');
select results_eq(format('select event, actor, state from departure where job_id = %L', :'crashed'), $$ values ('reclaimed', 'w', 'scheduled') $$,
    'whose lease it was is in the history');
select ok((job(:'crashed')).available_at between now() + interval '50 s' and clock_timestamp() + interval '70 s', 'by its policy: about a minute after attempt 1');
select is((sweep()).reclaimed, 0, 'once');

select job_id as extended, lease_id as extended_lease from pg_temp.leased('sw.extended') \gset
select extend(job_id => :'extended', lease_id => :'extended_lease', lease => '1 hour');
update job set check_at = now() where job_id = :'extended';
select is((sweep()).reclaimed, 0, 'a lease that was extended since is not');
select extend(job_id => :'extended', lease_id => :'extended_lease', lease => '2 hours');
select cmp_ok((select check_at from job where job_id = :'extended'), '>', now() + interval '119 min', 'but filed anew by its next heartbeat');
select ok(complete(job_id => :'extended', lease_id => :'extended_lease'), 'and still good');

-- in the first moments of a server
select job_id as restarted, lease_id as restarted_lease from pg_temp.leased('sw.restarted') \gset
update job
set leased_at = now() - interval '1 s' - (now() - pg_postmaster_start_time()) - interval '1 h',
    lease_expires_at = now() - interval '1 s',
    check_at = now() - interval '1 s'
where job_id = :'restarted';
select is((sweep()).reclaimed, 0, 'no lease runs out before the server has been up for as long as the lease');
select ok((lease_status(job_id => :'restarted', lease_id => :'restarted_lease')).held, 'it is still held');
select ok(complete(job_id => :'restarted', lease_id => :'restarted_lease'), 'and still good');

-- crash loops: they win over used-up attempts
select submit(job_id => pg_temp.id(10), next_need => 'sw.loop', max_attempts => 3, retry => '{"kind": "fixed", "initial": "0"}');
create function pg_temp.crash() returns void language sql as $crash$
    select from get_work(worker_id => 'w', capabilities => '{sw.loop}');
    select pg_temp.run_out(pg_temp.id(10));
    select sweep();
    select sweep();
$crash$;
select pg_temp.crash();
select pg_temp.crash();
select is((job(pg_temp.id(10))).crashes, 2, 'leases that run out in a row are counted');
select pg_temp.crash();
select results_eq(format('select state, dead_reason, attempt, crashes from job(job_id => %L)', pg_temp.id(10)), $$ values ('dead', 'crash_loop', 3, 3) $$,
    'at max_crashes the job is buried as crash_loop, also where its attempts are used up');
select submit(job_id => pg_temp.id(11), next_need => 'sw.exhausted', max_attempts => 1);
select from get_work(worker_id => 'w', capabilities => '{sw.exhausted}');
select pg_temp.run_out(pg_temp.id(11));
select sweep();
select is((job(pg_temp.id(11))).dead_reason, 'attempts_exhausted', 'before that, used-up attempts bury it');

-- cancellation
select job_id as stopping from pg_temp.leased('sw.stopping') \gset
select cancel(job_id => :'stopping', actor => 'ann');
select pg_temp.run_out(:'stopping');
select is((sweep()).reclaimed, 1, 'a lease that was asked to stop is taken away');
select is(pg_temp.state(:'stopping'), 'cancelled', 'and the job cancelled');

-- expires ----------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(20), next_need => 'sw.expires', expires_at => now() + interval '2 h');
select submit(job_id => pg_temp.id(21), next_need => 'sw.expires', expires_at => now() + interval '2 h', available_at => now() + interval '1 h');
select submit(job_id => pg_temp.id(22), next_need => 'sw.expires', expires_at => now() + interval '2 h', wait_for => array[pg_temp.id(21)]);
select submit(job_id => pg_temp.id(23), next_need => 'sw.expires.not', expires_at => now() + interval '2 h');
select submit(job_id => pg_temp.id(24), next_need => 'sw.expires.leased', expires_at => now() + interval '2 h');
select lease_id as started from get_work(worker_id => 'w', capabilities => '{sw.expires.leased}') \gset
select pg_temp.is_late(pg_temp.id(n)) from unnest('{20,21,22,24}'::integer[]) as n;
select is((sweep()).expired, 3, 'a ready, a scheduled and a blocked job that can start no more expire');
select is(array(select (job(pg_temp.id(n))).dead_reason from generate_series(20, 24) as n), '{expired,expired,expired,NULL,NULL}',
    'for that reason; not one whose time is still to come, nor one that has started');
select ok(complete(job_id => pg_temp.id(24), lease_id => :'started'), 'which may end as if nothing were');

-- frees ------------------------------------------------------------------------------------------

-- a chain of cascades takes a step a link
select submit(job_id => pg_temp.id(30), next_need => 'sw.root');
select submit(job_id => pg_temp.id(n), next_need => 'sw.chain', wait_for => array[pg_temp.id(n - 1)], on_dependency_failure => 'cascade') from generate_series(31, 40) as n;
select fail_unheld(job_id => pg_temp.id(30), actor => 'ann', error => 'no', retryable => false);
select sweep() from generate_series(1, 10);
select is((select count(*) from generate_series(30, 40) as n where pg_temp.state(pg_temp.id(n)) = 'dead'), 11::bigint, 'a chain of cascades dies to its end');
select redrive(job_id => pg_temp.id(30), actor => 'ann');
select sweep() from generate_series(1, 10);
select is((select count(*) from generate_series(31, 40) as n where pg_temp.state(pg_temp.id(n)) = 'blocked'), 10::bigint, 'and comes back to its end');

-- more dependents than one call frees
select submit(job_id => pg_temp.id(1000), next_need => 'sw.hub');
select submit_many(jobs => (select jsonb_agg(jsonb_build_object('next_need', 'sw.spoke', 'wait_for', jsonb_build_array(pg_temp.id(1000)))) from generate_series(1, 2500)));
select complete_unheld(job_id => pg_temp.id(1000), actor => 'ann');
select is((select count(*) from job where next_need = 'sw.spoke' and state = 'ready'), 0::bigint, 'of many dependents none is freed by the call that ends the job');
create temporary table freed as select (sweep()).freed from generate_series(1, 4);
select is((select array_agg(freed) from freed), '{1000,1000,500,0}', 'sweep frees them in chunks, and says how many');
select is((select count(*) from job where next_need = 'sw.spoke' and state = 'ready'), 2500::bigint, 'until all are free');
select is_empty(format('select from dependency where waits_for = %L', pg_temp.id(1000)), 'and no edge is left');
select is_empty(format('select from deferred where job_id = %L', pg_temp.id(1000)), 'nor a note of it');
select pg_temp.notes_are_old();
select sweep() from generate_series(1, 3);
select is_empty($$ select from deferred as n join job as j on j.job_id = n.job_id where j.next_need = 'sw.spoke' $$, 'nor one of any dependent, once each was looked at');

-- notes that an earlier transaction left: a dependency that ended unseen
select submit(job_id => pg_temp.id(50), next_need => 'sw.unseen');
select submit(job_id => pg_temp.id(51), next_need => 'sw.unseen.child', wait_for => array[pg_temp.id(50)]);
-- as if the one who ended it had not seen the edge
alter table dependency rename to hidden;
create table dependency (waits_for uuid, job_id uuid);
select complete_unheld(job_id => pg_temp.id(50), actor => 'ann');
drop table dependency;
alter table hidden rename to dependency;
select is(pg_temp.state(pg_temp.id(51)), 'blocked', 'a job whose dependency ended unseen is still blocked');
select pg_temp.notes_are_old();
select is((sweep()).freed, 1, 'sweep looks again, and frees it');
select is(pg_temp.state(pg_temp.id(51)), 'ready', 'it is ready');

-- admits -----------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(60), next_need => 'sw.key', singleton_key => 'sw.key');
select submit(job_id => pg_temp.id(61), next_need => 'sw.key', singleton_key => 'sw.key');
select ok((select parked from job where job_id = pg_temp.id(61)), 'of a key the second job is parked');
select cancel(job_id => pg_temp.id(60), actor => 'ann');
select pg_temp.notes_are_old();
select is((sweep()).admitted, 1, 'when the first is gone, sweep admits the second');
select is((select job_id from get_work(worker_id => 'w', capabilities => '{sw.key}')), pg_temp.id(61), 'which is leased');

-- limit_jobs -------------------------------------------------------------------------------------

select submit(next_need => 'sw.limit', available_at => clock_timestamp() + interval '1 ms') from generate_series(1, 5);
select pg_sleep(0.005);
select is((sweep(limit_jobs => 2)).promoted, 2, 'limit_jobs: so many at most');
select is((sweep(limit_jobs => 2)).promoted, 2, 'the next call goes on');
select is((sweep(limit_jobs => 100000)).promoted, 1, 'to the end');

-- lanes; what is retired is removed by a later transaction: tests/py/concurrency/scenarios
update lane set retire_at = opened_at where next_need in ('sw.limit', 'sw.key');
select sweep(limit_jobs => 1);
select is((select count(*) from lane where priority < 0), 1::bigint, 'lanes that are due are retired, up to the limit');
select sweep();
select is((select count(*) from lane where next_need = 'sw.limit' and priority = 100), 0::bigint, '... and the others by the next call');
select submit(next_need => 'sw.limit');
select is((select count(*) from lane where next_need = 'sw.limit' and priority = 100), 1::bigint, 'the next job opens its lane anew');
select is(
    (select count(*) from get_work(worker_id => 'w', capabilities => '{sw.limit}', limit_jobs => 100)),
    6::bigint, 'what is in it is found as before'
);

-- What it refuses --------------------------------------------------------------------------------

select submit(next_need => 'sw.limit', available_at => clock_timestamp() + interval '1 ms');
select pg_sleep(0.005);
select pg_temp.refused(format('select sweep(limit_jobs => %s)', a.value), 'LH010', 'limit_jobs: ' || a.value)
from (values ('0'), ('-1'), ('100001'), ('2147483647')) as a (value);

select * from finish();
rollback;
