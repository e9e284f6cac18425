-- hold_lease: locks a lease for the caller's own transaction. That nobody reclaims it meanwhile takes two sessions: tests/py.

begin;
\ir ../include/support.sql
select plan(20);

-- Behaviour --------------------------------------------------------------------------------------

select job_id, lease_id, lease_expires_at from pg_temp.leased('hl.held') \gset
select is(hold_lease(job_id => :'job_id', lease_id => :'lease_id'), :'lease_expires_at'::timestamptz, 'it returns the end of the lease');
select is((select xmax::text from job where job_id = :'job_id'), pg_current_xact_id()::xid::text, 'it locks the job''s row');
select pg_temp.changes_nothing(format('select hold_lease(job_id => %L, lease_id => %L)', :'job_id', :'lease_id'), 'it changes nothing');
select ok(complete(job_id => :'job_id', lease_id => :'lease_id'), 'the job may be completed afterwards');

select job_id as late, lease_id as late_lease from pg_temp.leased('hl.late') \gset
select pg_temp.run_out(:'late');
select cmp_ok(hold_lease(job_id => :'late', lease_id => :'late_lease'), '<', clock_timestamp(),
    'an expired lease can be held as long as nobody has reclaimed it');
select sweep();
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', :'late', :'late_lease'), 'LH001',
    'a reclaimed lease is refused');

select job_id as stopping, lease_id as stopping_lease from pg_temp.leased('hl.stopping') \gset
select cancel(job_id => :'stopping', actor => 'ann');
select lives_ok(format('select hold_lease(job_id => %L, lease_id => %L)', :'stopping', :'stopping_lease'),
    'a lease whose cancellation was requested may be held: complete still succeeds');

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', :'job_id', :'lease_id'), 'LH008', 'a job that succeeded');
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', pg_temp.id(99), :'lease_id'), 'LH003', 'an unknown job');
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', :'stopping', gen_random_uuid()), 'LH002', 'a made-up lease');
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', :'stopping', :'lease_id'), 'LH002', 'another job''s lease');
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', :'stopping', :'stopping'), 'LH002', 'a job_id given as lease_id');
select pg_temp.refused(format('select hold_lease(job_id => null, lease_id => %L)', :'lease_id'), 'LH010', 'job_id: null');
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => null)', :'stopping'), 'LH010', 'lease_id: null');

select submit(job_id => pg_temp.id(1), next_need => 'hl.ready');
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', pg_temp.id(1), gen_random_uuid()), 'LH002', 'a job that was never leased');

select fail(job_id => :'stopping', lease_id => :'stopping_lease', error => 'stopped');
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', :'stopping', :'stopping_lease'), 'LH007', 'a job that ended cancelled');

select job_id as dead, lease_id as dead_lease from pg_temp.leased('hl.dead') \gset
select fail(job_id => :'dead', lease_id => :'dead_lease', error => 'no', retryable => false);
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', :'dead', :'dead_lease'), 'LH008', 'a dead job');

select job_id as given, lease_id as given_lease from pg_temp.leased('hl.given') \gset
select release(job_id => :'given', lease_id => :'given_lease');
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', :'given', :'given_lease'), 'LH001', 'a released lease');
select lease_id as next_lease from get_work(worker_id => 'w', capabilities => '{hl.given}') \gset
select pg_temp.refused(format('select hold_lease(job_id => %L, lease_id => %L)', :'given', :'given_lease'), 'LH001',
    'a released lease, when the next one is current');
select is(pg_temp.detail_of(format('select hold_lease(job_id => %L, lease_id => %L)', :'given', :'given_lease')),
    jsonb_build_object('job_id', :'given', 'lease_id', :'given_lease'), 'DETAIL names the job and the lease');

select * from finish();
rollback;
