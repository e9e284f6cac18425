-- extend: moves the end of a current lease.

begin;
select plan(53);
\ir ../include/support.sql
\ir ../include/named.sql

-- Behaviour ---------------------------------------------------------------------------------------

select pg_temp.held('plain') \gset
create temporary table said as
select extend(job_id => pg_temp.job('plain'), lease_id => pg_temp.lease('plain'), lease => '10 minutes') as lease_expires_at;
select ok(
    (select s.lease_expires_at - clock_timestamp() between interval '595 s' and interval '600 s' from said as s),
    'extend returns the new end, counted from now'
);
select results_eq(
    $$ select i.state, i.lease_expires_at, i.lease_id, i.attempt from job(pg_temp.job('plain')) as i $$,
    $$ select 'leased', s.lease_expires_at, pg_temp.lease('plain'), 1 from said as s $$,
    'the job''s lease ends then, and is still the same lease'
);
select is(
    extend(pg_temp.job('plain'), pg_temp.lease('plain'), '5 s'), (select s.lease_expires_at from said as s),
    'it never moves the end to an earlier time'
);
select is((job(pg_temp.job('plain'))).lease_expires_at, (select s.lease_expires_at from said as s), 'neither in its answer nor in the table');
select pg_temp.keep('short', submit('a.short')) \gset
select pg_temp.take('short', '1 s') \gset
select ok(
    extend(pg_temp.job('short'), pg_temp.lease('short')) - clock_timestamp() between interval '55 s' and interval '60 s',
    'the default lease is one minute'
);
select is_empty($$ select from departure as d where d.job_id = pg_temp.job('plain') $$, 'a heartbeat leaves no history');

-- Functions that tell when the lease ends -------------------------------------------------------------------

select pg_temp.held('asked') \gset
create temporary table before as select j.ctid as at, j.check_at from job as j where j.job_id = pg_temp.job('asked');
create temporary table moved as select extend(pg_temp.job('asked'), pg_temp.lease('asked'), '1 hour') as lease_expires_at;
select results_eq(
    $$ select j.ctid, j.check_at from job as j where j.job_id = pg_temp.job('asked') $$, 'select b.at, b.check_at from before as b',
    'a heartbeat writes no new version of the job'
);
select is(hold_lease(pg_temp.job('asked'), pg_temp.lease('asked')), (select m.lease_expires_at from moved as m), 'hold_lease returns the new end');
select ok(
    (lease_status(pg_temp.job('asked'), pg_temp.lease('asked'))).remaining > interval '59 minutes', 'lease_status, too'
);
select results_eq(
    $$ select w.reason, w.until from why_not_running(pg_temp.job('asked')) as w $$, $$ select 'leased', m.lease_expires_at from moved as m $$,
    'why_not_running shows the new end'
);
update job as j set check_at = clock_timestamp() - interval '1 ms' where j.job_id = pg_temp.job('asked');
create temporary table later as select extend(pg_temp.job('asked'), pg_temp.lease('asked'), '2 hours') as lease_expires_at;
select is(
    (select l.lease_expires_at from later as l), (select j.check_at from job as j where j.job_id = pg_temp.job('asked')),
    'when check_at has passed, the next one is the new end'
);
update job as j set check_at = clock_timestamp() - interval '1 ms' where j.job_id = pg_temp.job('asked');
select ok(
    (
        select e.ok
        from extend_many(jsonb_build_array(jsonb_build_object('job_id', pg_temp.job('asked'), 'lease_id', pg_temp.lease('asked')))) as e
    ),
    'extend_many'
);
select cmp_ok(
    (select j.check_at from job as j where j.job_id = pg_temp.job('asked')), '>', clock_timestamp() + interval '50 s', 'extend_many sets the next check_at too'
);

-- A lease that was extended is not reclaimed after its first length -----------------------------------

select pg_temp.held('beats') \gset
select pg_temp.run_out(pg_temp.job('beats')) \gset
select ok(
    extend(pg_temp.job('beats'), pg_temp.lease('beats')) > clock_timestamp(),
    'an expired lease that nobody has reclaimed can be extended: it is still current'
);
select sweep() \gset
select is_empty($$ select from get_work('another', '{a.beats}') $$, 'after that it is not reclaimed');
select is(pg_temp.state_of('beats'), 'leased', 'though its check_at has passed');
select ok(complete(pg_temp.job('beats'), pg_temp.lease('beats')), 'and it ends like any other lease');
select pg_temp.held('stops_beating') \gset
select extend(pg_temp.job('stops_beating'), pg_temp.lease('stops_beating'), '5 minutes') \gset
select pg_temp.run_out(pg_temp.job('stops_beating')) \gset
select sweep() \gset
select is(pg_temp.state_of('stops_beating'), 'scheduled', 'an extended lease that expires is reclaimed like any other');
select pg_temp.refused(
    $$ select extend(pg_temp.job('stops_beating'), pg_temp.lease('stops_beating')) $$, 'LH001', 'a reclaimed lease can no longer be extended'
);
select pg_temp.keep('start_by', submit('a.start_by', expires_at => clock_timestamp() + interval '1 hour')) \gset
select pg_temp.take('start_by') \gset
select pg_temp.is_late(pg_temp.job('start_by')) \gset
select lives_ok($$ select extend(pg_temp.job('start_by'), pg_temp.lease('start_by')) $$, 'expires_at does not limit a held lease');

-- Cancellation requested, and carried out -------------------------------------------------------------

select pg_temp.held('stop') \gset
select cancel(pg_temp.job('stop'), 'operator') \gset
select pg_temp.refused($$ select extend(pg_temp.job('stop'), pg_temp.lease('stop')) $$, 'LH007', 'extending after a request for cancellation: LH007');
select pg_temp.refused(
    $$ select extend(pg_temp.job('stop'), gen_random_uuid()) $$, 'LH002', 'only the current lease is told that; any other is not a lease of the job: LH002'
);
select is(pg_temp.state_of('stop'), 'leased', 'the job stays leased, so that its worker can end it');
select release(pg_temp.job('stop'), pg_temp.lease('stop')) \gset
select pg_temp.refused($$ select extend(pg_temp.job('stop'), pg_temp.lease('stop')) $$, 'LH007', 'a lease whose job ended cancelled: LH007');
select pg_temp.lost('crashed') \gset
select pg_temp.is_due(pg_temp.job('crashed')) \gset
create temporary table old_lease as select pg_temp.lease('crashed') as lease_id;
select pg_temp.take('crashed') \gset
select cancel(pg_temp.job('crashed'), 'operator') \gset
select pg_temp.refused(
    $$ select extend(pg_temp.job('crashed'), (select lease_id from old_lease)) $$, 'LH001',
    'an earlier lease is told that it is not current before it is told of a cancellation: LH001'
);

-- Leases that are not current ----------------------------------------------------------------------------

select pg_temp.refused_leases('select extend(%L, %L)');
select count(pg_temp.held(n)) from unnest('{done,failed,buried,released,moved}'::text[]) as n \gset
select complete(pg_temp.job('done'), pg_temp.lease('done')) \gset
select pg_temp.refused($$ select extend(pg_temp.job('done'), pg_temp.lease('done')) $$, 'LH008', 'a lease that completed its job: LH008');
select fail(pg_temp.job('failed'), pg_temp.lease('failed'), 'no') \gset
select pg_temp.refused($$ select extend(pg_temp.job('failed'), pg_temp.lease('failed')) $$, 'LH001', 'a lease that failed it: LH001');
select fail(pg_temp.job('buried'), pg_temp.lease('buried'), 'no', false) \gset
select pg_temp.refused($$ select extend(pg_temp.job('buried'), pg_temp.lease('buried')) $$, 'LH008', 'a lease that buried it: LH008');
select release(pg_temp.job('released'), pg_temp.lease('released')) \gset
select pg_temp.refused($$ select extend(pg_temp.job('released'), pg_temp.lease('released')) $$, 'LH001', 'a lease that released it: LH001');
select reschedule(pg_temp.job('moved'), pg_temp.lease('moved')) \gset
select pg_temp.refused($$ select extend(pg_temp.job('moved'), pg_temp.lease('moved')) $$, 'LH001', 'a lease that rescheduled it: LH001');

-- Arguments ---------------------------------------------------------------------------------------------------

select pg_temp.held('x') \gset
select pg_temp.refused(format($$ select extend(pg_temp.job('x'), pg_temp.lease('x'), %s) $$, v.lease), 'LH010', v.test || ': LH010')
from (values
    ($$ '0 s' $$, 'a lease of zero'),
    ($$ '-1 s' $$, 'a negative lease'),
    ($$ '-1 month 29 days' $$, 'a negative lease in months'),
    ($$ '7 days 1 microsecond' $$, 'a lease above the setting max_lease'),
    ($$ '100 years' $$, 'a lease of a century'),
    (case when current_setting('server_version_num')::integer >= 170000 then $$ 'infinity' $$ else $$ '170000000 years' $$ end, 'an infinite lease'),
    (case when current_setting('server_version_num')::integer >= 170000 then $$ '-infinity' $$ else $$ '-170000000 years' $$ end, 'a negative infinite lease')
) as v (lease, test);
select lives_ok($$ select extend(pg_temp.job('x'), pg_temp.lease('x'), '7 days') $$, 'a lease of exactly max_lease is granted');
select set_setting('max_lease', '1 hour') \gset
select pg_temp.refused($$ select extend(pg_temp.job('x'), pg_temp.lease('x'), '61 minutes') $$, 'LH010', 'the setting is in force: LH010');

select * from finish();
rollback;
