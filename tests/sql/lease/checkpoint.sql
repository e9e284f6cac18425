-- checkpoint: a durable step inside one job. The first result of a name stays.

begin;
\ir ../include/support.sql
select plan(37);

-- Behaviour --------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(1), next_need => 'cp.work');
select lease_id as lease_1 from get_work(worker_id => 'w', capabilities => '{cp.work}') \gset
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_1', name => 'fetch', result => '{"rows": 7}'), '{"rows": 7}',
    'the result is recorded and returned');
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_1', name => 'fetch', result => '{"rows": 8}'), '{"rows": 7}',
    'the first result of a name stays');
select pg_temp.changes_nothing(
    format('select checkpoint(job_id => %L, lease_id => %L, name => %L, result => %L)', pg_temp.id(1), :'lease_1', 'fetch', '9'),
    'a repeated call with the same name changes nothing'
);
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_1', name => 'empty'), null, 'a checkpoint may have no result');
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_1', name => 'empty', result => '1'), null, 'it keeps having none');
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_1', name => 'Fetch', result => '1'), '1', 'names are compared byte by byte');
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_1', name => 'null', result => 'null'), 'null', 'a JSON null is a result');
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_1', name => v.value, result => to_jsonb(v.value)), to_jsonb(v.value), 'any name is accepted: ' || v.value)
from (values (' '), ('a''b"c'), ('%'), ('a;--'), ('ü/日本')) as v (value);

-- another job
select job_id as other, lease_id as other_lease from pg_temp.leased('cp.other') \gset
select is(checkpoint(job_id => :'other', lease_id => :'other_lease', name => 'fetch', result => '"mine"'), '"mine"', 'another job has names of its own');

-- attempts
select fail(job_id => pg_temp.id(1), lease_id => :'lease_1', error => 'no', retry_after => '0');
select lease_id as lease_2 from get_work(worker_id => 'w', capabilities => '{cp.work}') \gset
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_2', name => 'fetch', result => '"again"'), '{"rows": 7}',
    'the next attempt gets the first one''s result');
select reschedule(job_id => pg_temp.id(1), lease_id => :'lease_2', next_need => 'cp.work.more');
select lease_id as lease_3 from get_work(worker_id => 'w', capabilities => '{cp.work.%}') \gset
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_3', name => 'fetch', result => '"again"'), '{"rows": 7}', 'the result remains after reschedule');
select fail(job_id => pg_temp.id(1), lease_id => :'lease_3', error => 'no', retryable => false);
select redrive(job_id => pg_temp.id(1), actor => 'ann');
select lease_id as lease_4 from get_work(worker_id => 'w', capabilities => '{cp.work.%}') \gset
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_4', name => 'fetch', result => '"again"'), '{"rows": 7}', 'the result remains after redrive');

-- an expired lease, or one whose cancellation was requested, is current
select pg_temp.run_out(pg_temp.id(1));
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_4', name => 'late', result => '1'), '1', 'an expired lease may record as long as nobody has reclaimed it');
select extend(job_id => pg_temp.id(1), lease_id => :'lease_4');
select cancel(job_id => :'other', actor => 'ann');
select is(checkpoint(job_id => :'other', lease_id => :'other_lease', name => 'last', result => '1'), '1', 'a lease whose cancellation was requested may record too');

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.refused(format('select checkpoint(job_id => %L, lease_id => %L, name => %L, result => %L)', pg_temp.id(1), :'lease_1', 'x', '1'), 'LH001',
    'an earlier lease cannot record');
select pg_temp.refused(format('select checkpoint(job_id => %L, lease_id => %L, name => %L, result => %L)', pg_temp.id(1), :'lease_1', 'fetch', '1'), 'LH001',
    'an earlier lease cannot read what is recorded either');
select pg_temp.refused(format('select checkpoint(job_id => %L, lease_id => %L, name => %L)', pg_temp.id(1), gen_random_uuid(), 'x'), 'LH002', 'a made-up lease');
select pg_temp.refused(format('select checkpoint(job_id => %L, lease_id => %L, name => %L)', pg_temp.id(1), :'other_lease', 'x'), 'LH002', 'another job''s lease');
select pg_temp.refused(format('select checkpoint(job_id => %L, lease_id => %L, name => %L)', pg_temp.id(99), :'lease_4', 'x'), 'LH003', 'an unknown job');
select fail(job_id => :'other', lease_id => :'other_lease', error => 'stopped');
select pg_temp.refused(format('select checkpoint(job_id => %L, lease_id => %L, name => %L)', :'other', :'other_lease', 'x'), 'LH007', 'a cancelled job');
select job_id as done, lease_id as done_lease from pg_temp.leased('cp.done') \gset
select complete(job_id => :'done', lease_id => :'done_lease');
select pg_temp.refused(format('select checkpoint(job_id => %L, lease_id => %L, name => %L)', :'done', :'done_lease', 'x'), 'LH008', 'a completed job');

select pg_temp.refused(format('select checkpoint(job_id => null, lease_id => %L, name => %L)', :'lease_4', 'x'), 'LH010', 'job_id: null');
select pg_temp.refused(format('select checkpoint(job_id => %L, lease_id => null, name => %L)', pg_temp.id(1), 'x'), 'LH010', 'lease_id: null');
select pg_temp.refused(format('select checkpoint(job_id => %L, lease_id => %L, name => %s)', pg_temp.id(1), :'lease_4', n.value), 'LH010', 'name: ' || n.problem)
from (values ('null', 'null'), ('''''', 'empty'), ('repeat(''x'', 201)', 'too long'), ('repeat(''é'', 101)', 'too long in bytes')) as n (value, problem);
select lives_ok(format('select checkpoint(job_id => %L, lease_id => %L, name => repeat(%L, 100))', pg_temp.id(1), :'lease_4', 'é'), 'name: 200 bytes are accepted');
select throws_ok(
    format($$ select checkpoint(job_id => %L, lease_id => %L, name => 'x', result => '"\u0000"') $$, pg_temp.id(1), :'lease_4'), '22P05', null,
    'a NUL in a result does not reach the function'
);
select set_setting(name => 'max_checkpoint_bytes', value => '1024');
select pg_temp.refused(
    format($$ select checkpoint(job_id => %L, lease_id => %L, name => 'x', result => to_jsonb(repeat('x', 1023))) $$, pg_temp.id(1), :'lease_4'), 'LH011',
    'result: too large'
);
select pg_temp.refused(
    format($$ select checkpoint(job_id => %L, lease_id => %L, name => 'x', result => to_jsonb(repeat('é', 512))) $$, pg_temp.id(1), :'lease_4'), 'LH011',
    'result: too large, counted in bytes'
);
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_4', name => 'big', result => to_jsonb(repeat('x', 1022))), to_jsonb(repeat('x', 1022)),
    'result: a result of exactly the limit is accepted');
select is(checkpoint(job_id => pg_temp.id(1), lease_id => :'lease_4', name => 'x', result => '1'), '1', 'refused results are not recorded');

select * from finish();
rollback;
