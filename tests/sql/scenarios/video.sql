-- A video that is transcoded for hours: its worker sends heartbeats, records its progress by checkpoints, and is cancelled half way.

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
    (select j.leased_at + interval '2 minutes' from job as j where j.job_id = pg_temp.job('video')), 'a heartbeat changes no indexed column'
);
select pg_temp.run_out(pg_temp.job('video')) \gset
select is((sweep()).reclaimed, 1, 'the machine crashes: its lease is reclaimed');
select is((job(pg_temp.job('video'))).crashes, 1, 'the reclaimed lease counts as a crash');
select pg_temp.is_due(pg_temp.job('video')) \gset

-- The second attempt goes on where the first stopped.
select pg_temp.take('video', '2 minutes', 'gpu-2') \gset
select results_eq(
    $$ select c.name from checkpoints(pg_temp.job('video'), pg_temp.lease('video')) as c $$, $$ values ('chunk 1'), ('chunk 2') $$,
    'the next attempt skips the finished chunks'
);
select is(
    checkpoint(pg_temp.job('video'), pg_temp.lease('video'), 'chunk 2', '{"at": 99}'), '{"at": 2}', 'a chunk that is done twice all the same keeps its first result'
);

-- A person cancels it.
select is(cancel(pg_temp.job('video'), 'ann', 'wrong file'), 'leased', 'cancel asks the worker to stop');
select throws_ok(
    $$ select extend(pg_temp.job('video'), pg_temp.lease('video')) $$, 'LH007', null, 'the next heartbeat tells the worker'
);
select ok(
    (select s.held and s.cancel_requested from lease_status(pg_temp.job('video'), pg_temp.lease('video')) as s),
    'the lease is still current, so that the worker can clean up'
);
select lives_ok(
    $$ select checkpoint(pg_temp.job('video'), pg_temp.lease('video'), 'scratch', '"removed"') $$, 'it may even record a checkpoint of that'
);
select is((release(pg_temp.job('video'), pg_temp.lease('video'))).state, 'cancelled', 'when the worker releases the job, the job ends cancelled');
select is_empty($$ select from get_work('gpu-3', '{video.%}') $$, 'nobody gets it again');
select results_eq(
    $$ select d.event, d.actor, d.detail from departure as d where d.job_id = pg_temp.job('video') order by d.at $$,
    $$ values ('reclaimed', 'gpu-1', null), ('cancel_requested', 'ann', 'wrong file'), ('cancelled', 'gpu-2', 'its worker stopped') $$,
    'its history says who did what'
);

select * from finish();
rollback;
