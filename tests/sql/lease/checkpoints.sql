-- checkpoints: the results that a leased job has recorded so far.

begin;
\ir ../include/support.sql
select plan(16);

-- Answers ----------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(1), next_need => 'cps.work');
select lease_id as lease_1 from get_work(worker_id => 'w', capabilities => '{cps.work}') \gset
select is_empty(format('select * from checkpoints(job_id => %L, lease_id => %L)', pg_temp.id(1), :'lease_1'), 'at first there are none');
select checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_1', name => 'z first', result => '1');
select checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_1', name => 'a second');
select job_id as other, lease_id as other_lease from pg_temp.leased('cps.other') \gset
select checkpoint(job_id => :'other', lease_id => :'other_lease', name => 'not mine', result => '1');
select results_eq(
    format('select name, result from checkpoints(job_id => %L, lease_id => %L)', pg_temp.id(1), :'lease_1'),
    $$ values ('z first', '1'::jsonb), ('a second', null) $$,
    'it returns those of the job alone, in the order in which they were recorded'
);
select ok(bool_and(recorded_at between now() and clock_timestamp()), 'each has the time at which it was recorded')
from checkpoints(job_id => pg_temp.id(1), lease_id => :'lease_1');
select checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_1', name => 'z first', result => '2');
select is((select count(*) from checkpoints(job_id => pg_temp.id(1), lease_id => :'lease_1')), 2::bigint, 'a name is listed once');
select pg_temp.changes_nothing(format('select checkpoints(job_id => %L, lease_id => %L)', pg_temp.id(1), :'lease_1'), 'asking changes nothing');

select pg_temp.run_out(pg_temp.id(1));
select sweep();
select pg_temp.is_due(pg_temp.id(1));
select lease_id as lease_2 from get_work(worker_id => 'w', capabilities => '{cps.work}') \gset
select is((select count(*) from checkpoints(job_id => pg_temp.id(1), lease_id => :'lease_2')), 2::bigint, 'after a crash the next attempt finds them');
select cancel(job_id => :'other', actor => 'ann');
select is((select count(*) from checkpoints(job_id => :'other', lease_id => :'other_lease')), 1::bigint, 'a lease whose cancellation was requested may read');

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.refused(format('select * from checkpoints(job_id => %L, lease_id => %L)', pg_temp.id(1), :'lease_1'), 'LH001', 'an earlier lease');
select pg_temp.refused(format('select * from checkpoints(job_id => %L, lease_id => %L)', pg_temp.id(1), gen_random_uuid()), 'LH002', 'a made-up lease');
select pg_temp.refused(format('select * from checkpoints(job_id => %L, lease_id => %L)', pg_temp.id(1), :'other_lease'), 'LH002', 'another job''s lease');
select pg_temp.refused(format('select * from checkpoints(job_id => %L, lease_id => %L)', pg_temp.id(99), :'lease_2'), 'LH003', 'an unknown job');
select release(job_id => :'other', lease_id => :'other_lease');
select pg_temp.refused(format('select * from checkpoints(job_id => %L, lease_id => %L)', :'other', :'other_lease'), 'LH007', 'a cancelled job');
select complete(job_id => pg_temp.id(1), lease_id => :'lease_2');
select pg_temp.refused(format('select * from checkpoints(job_id => %L, lease_id => %L)', pg_temp.id(1), :'lease_2'), 'LH008', 'a completed job');
select pg_temp.refused(format('select * from checkpoints(job_id => null, lease_id => %L)', :'lease_2'), 'LH010', 'job_id: null');
select pg_temp.refused(format('select * from checkpoints(job_id => %L, lease_id => null)', pg_temp.id(1)), 'LH010', 'lease_id: null');
select pg_temp.refused('select * from checkpoints(job_id => null, lease_id => null)', 'LH010', 'both null');

select * from finish();
rollback;
