-- A video that is transcoded for hours: its worker heartbeats, keeps its place by checkpoints, and is cancelled half way.

begin;
select plan(14);
\ir ../include/support.sql
\ir ../include/named.sql

select pg_temp.keep('video', submit('video.transcode', '{"file": "holiday.mov", "chunks": 4}')) \gset

-- The first attempt does two chunks and dies.
select pg_temp.take('video', '2 minutes', 'gpu-1') \gset
select results_eq(
    $$ select checkpoint(pg_temp.job('video'), pg_temp.lease('video'), 'chunk ' || n, jsonb_build_object('at', n)) from generate_series(1, 2) as n $$,
    $$ values ('{"at": 1}'::jsonb), ('{"at": 2}') $$, 'each chunk that is done is recorded'
);
select ok(
    extend(pg_temp.job('video'), pg_temp.lease('video'), '10 minutes') > clock_timestamp() + interval '9 minutes',
    'a heartbeat moves the end of the lease'
);
select is(
    (select j.check_at from job as j where j.job_id = pg_temp.job('video')),
    (select j.leased_at + interval '2 minutes' from job as j where j.job_id = pg_temp.job('video')), 'and touches nothing that is indexed'
);
select pg_temp.run_out(pg_temp.job('video')) \gset
select is((sweep()).reclaimed, 1, 'the machine dies: its lease is taken away');
select is((job(pg_temp.job('video'))).crashes, 1, 'which counts as a crash');
select pg_temp.is_due(pg_temp.job('video')) \gset

-- The second goes on where the first stopped.
select pg_temp.take('video', '2 minutes', 'gpu-2') \gset
select results_eq(
    $$ select c.name from checkpoints(pg_temp.job('video'), pg_temp.lease('video')) as c $$, $$ values ('chunk 1'), ('chunk 2') $$,
    'the next attempt skips what is done'
);
select is(
    checkpoint(pg_temp.job('video'), pg_temp.lease('video'), 'chunk 2', '{"at": 99}'), '{"at": 2}', 'and what it does twice all the same keeps its first result'
);

-- Somebody cancels it.
select is(cancel(pg_temp.job('video'), 'ann', 'wrong file'), 'leased', 'cancelling asks the worker to stop');
select throws_ok(
    $$ select extend(pg_temp.job('video'), pg_temp.lease('video')) $$, 'LH007', null, 'the next heartbeat says so'
);
select ok(
    (select s.held and s.cancel_requested from lease_status(pg_temp.job('video'), pg_temp.lease('video')) as s),
    'the lease is still the worker''s, to clean up under'
);
select lives_ok(
    $$ select checkpoint(pg_temp.job('video'), pg_temp.lease('video'), 'scratch', '"removed"') $$, 'it may even record that it did'
);
select is((release(pg_temp.job('video'), pg_temp.lease('video'))).state, 'cancelled', 'when it hands the job back, the job ends cancelled');
select is_empty($$ select from get_work('gpu-3', '{video.%}') $$, 'nobody gets it again');
select results_eq(
    $$ select d.event, d.actor, d.detail from departure as d where d.job_id = pg_temp.job('video') order by d.at $$,
    $$ values ('reclaimed', 'gpu-1', null), ('cancel_requested', 'ann', 'wrong file'), ('cancelled', 'gpu-2', 'its worker stopped') $$,
    'and its history says who did what'
);

select * from finish();
rollback;
