-- complete_unheld: complete for a job that nobody holds.

begin;
\ir ../include/support.sql
select plan(37);

-- Behaviour --------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(1), next_need => 'cu.ready');
select is(complete_unheld(job_id => pg_temp.id(1), actor => 'ann', result => '{"n": 1}'), true, 'a ready job is completed');
select is((job(pg_temp.id(1))).state, 'succeeded', 'its state is succeeded');
select is((job(pg_temp.id(1))).result, '{"n": 1}', 'its result is kept');
select is((job(pg_temp.id(1))).attempt, 0, 'no attempt is counted');
select ok((job(pg_temp.id(1))).archived, 'it is archived');
select ok((job(pg_temp.id(1))).ended_at between now() - interval '1 s' and clock_timestamp(), 'its end is recorded');
select is((select count(*) from departure where job_id = pg_temp.id(1) and actor = 'ann' and state = 'succeeded'), 1::bigint,
    'the actor is in the history, once');
select is_empty($$ select * from get_work(worker_id => 'w', capabilities => '{cu.ready}') $$, 'workers no longer get it');

select submit(job_id => pg_temp.id(2), next_need => 'cu.scheduled', available_at => now() + interval '1 hour');
select is(complete_unheld(job_id => pg_temp.id(2), actor => 'ann'), true, 'a scheduled job is completed');
select is((job(pg_temp.id(2))).result, null, 'without a result it has none');

select submit(job_id => pg_temp.id(3), next_need => 'cu.first', available_at => now() + interval '1 hour');
select submit(job_id => pg_temp.id(4), next_need => 'cu.second', wait_for => array[pg_temp.id(3)]);
select is(complete_unheld(job_id => pg_temp.id(4), actor => 'ann'), true, 'a blocked job is completed');
select is_empty(format('select from dependency where job_id = %L', pg_temp.id(4)), 'it no longer waits for anything');
select is(complete_unheld(job_id => pg_temp.id(3), actor => 'ann'), true, 'its former dependency may end after it');
select is((job(pg_temp.id(4))).state, 'succeeded', 'the end of the former dependency does not change it');

-- its dependents are freed and get its result
select submit(job_id => pg_temp.id(5), next_need => 'cu.parent');
select submit(job_id => pg_temp.id(6), next_need => 'cu.child', wait_for => array[pg_temp.id(5)]);
select complete_unheld(job_id => pg_temp.id(5), actor => 'ann', result => '[7]');
select is(pg_temp.state(pg_temp.id(6)), 'ready', 'its dependent is ready');
select is((select results from get_work(worker_id => 'w', capabilities => '{cu.child}')),
    jsonb_build_object(pg_temp.id(5), '[7]'::jsonb), 'the worker of the dependent gets the result');

-- an expired lease
select job_id as late, lease_id as late_lease from pg_temp.leased('cu.late') \gset
select pg_temp.run_out(:'late');
select is(complete_unheld(job_id => :'late', actor => 'ann'), true, 'nobody holds a job whose lease has expired');
select is((job(:'late')).crashes, 1, 'its crash is counted');
select pg_temp.refused(format('select complete(job_id => %L, lease_id => %L)', :'late', :'late_lease'), 'LH008',
    'its worker is told that the job ended otherwise');

-- after a failed attempt, before the next
select job_id as failed, lease_id as failed_lease from pg_temp.leased('cu.failed') \gset
select fail(job_id => :'failed', lease_id => :'failed_lease', error => 'no');
select is(complete_unheld(job_id => :'failed', actor => 'ann'), true, 'a job that backs off is completed');
select pg_temp.refused(format('select complete(job_id => %L, lease_id => %L)', :'failed', :'failed_lease'), 'LH008',
    'its last lease did not complete it');

-- Refusals ---------------------------------------------------------------------------------------

select job_id as held, lease_id as held_lease from pg_temp.leased('cu.held') \gset
select pg_temp.refused(format('select complete_unheld(job_id => %L, actor => %L)', :'held', 'ann'), 'LH009',
    'a job that a worker holds is refused');
select cancel(job_id => :'held', actor => 'ann');
select pg_temp.refused(format('select complete_unheld(job_id => %L, actor => %L)', :'held', 'ann'), 'LH009',
    'a job whose cancellation was requested is refused too');

select submit(job_id => pg_temp.id(10), next_need => 'cu.ended');
select pg_temp.refused(format('select complete_unheld(job_id => %L, actor => %L)', pg_temp.id(99), 'ann'), 'LH003',
    'an unknown job is refused');
select pg_temp.refused(format('select complete_unheld(job_id => %L, actor => %L)', pg_temp.id(1), 'ann'), 'LH008',
    'a job that succeeded is refused: it is not completed twice');
select cancel(job_id => pg_temp.id(10), actor => 'ann');
select pg_temp.refused(format('select complete_unheld(job_id => %L, actor => %L)', pg_temp.id(10), 'ann'), 'LH007',
    'a cancelled job is refused');
select submit(job_id => pg_temp.id(11), next_need => 'cu.dead');
select fail_unheld(job_id => pg_temp.id(11), actor => 'ann', error => 'no', retryable => false);
select pg_temp.refused(format('select complete_unheld(job_id => %L, actor => %L)', pg_temp.id(11), 'ann'), 'LH008',
    'a dead job is refused: it must be redriven first');
select is(pg_temp.detail_of(format('select complete_unheld(job_id => %L, actor => %L)', pg_temp.id(11), 'ann')) ->> 'job_id',
    pg_temp.id(11)::text, 'DETAIL names the job');

select submit(job_id => pg_temp.id(12), next_need => 'cu.arguments');
select pg_temp.refused('select complete_unheld(job_id => null, actor => ''ann'')', 'LH010', 'job_id: null');
select pg_temp.refused(format('select complete_unheld(job_id => %L, actor => %s)', pg_temp.id(12), a.actor), 'LH010', 'actor: ' || a.name)
from (values ('null', 'null'), ('''''', 'empty'), ('repeat(''x'', 201)', 'too long'), ('repeat(''é'', 101)', 'too long in bytes')) as a (actor, name);
select pg_temp.refused(format('select complete_unheld(job_id => %L, actor => null)', pg_temp.id(99)), 'LH010',
    'arguments are checked before the job is');
select set_setting(name => 'max_result_bytes', value => '1024');
select pg_temp.refused(
    format($$ select complete_unheld(job_id => %L, actor => 'ann', result => to_jsonb(repeat('x', 1023))) $$, pg_temp.id(12)), 'LH011',
    'result: too large'
);
select is(pg_temp.state(pg_temp.id(12)), 'ready', 'after all these refusals the job is unchanged');
select lives_ok(
    format($$ select complete_unheld(job_id => %L, actor => repeat('é', 100), result => to_jsonb(repeat('x', 1022))) $$, pg_temp.id(12)),
    'an actor of 200 bytes and a result of exactly the limit are accepted'
);

select * from finish();
rollback;
