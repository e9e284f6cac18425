-- A document that moves between workers: python.ingest → human.review → python.finalize. One job, three kinds of worker.

begin;
select plan(13);
\ir ../include/support.sql
\ir ../include/named.sql

select pg_temp.keep('document', submit('python.ingest', '{"path": "a.pdf"}', max_attempts => 2)) \gset
select is_empty($$ select from get_work('eve', '{human.%}') $$, 'there is nothing for a person yet');
create temporary table ingest as select w.* from get_work('ingester', '{python.ingest}') as w;
select results_eq(
    $$ select r.state, r.attempt from ingest as i, reschedule(i.job_id, i.lease_id, 'human.review', i.payload || '{"pages": 3}') as r $$,
    $$ values ('ready', 0) $$,
    'after the ingest it goes on to a person, with the findings'
);
select is_empty($$ select from get_work('ingester', '{python.%}') $$, 'no program gets it meanwhile');

-- The person takes it, crashes once, is asked to look again, and passes it on.
create temporary table review as select w.* from get_work('eve', '{human.review}', '2 hours') as w;
select results_eq(
    'select r.job_id, r.payload, r.attempt, r.max_attempts from review as r',
    $$ values (pg_temp.job('document'), jsonb '{"path": "a.pdf", "pages": 3}', 1, 2) $$,
    'the person has it, with attempts of its own'
);
select cmp_ok((select r.fence from review as r), '>', (select i.fence from ingest as i), 'a later lease has a higher fence');
select pg_temp.refused(
    $$ select complete(i.job_id, i.lease_id) from ingest as i $$, 'LH001', 'the program that had it before can no longer end it'
);
select pg_temp.run_out(pg_temp.job('document')) \gset
select sweep() \gset
select pg_temp.is_due(pg_temp.job('document')) \gset
create temporary table second_review as select w.* from get_work('adam', '{human.review}', '2 hours') as w;
select results_eq('select r.job_id, r.attempt from second_review as r', $$ values (pg_temp.job('document'), 2) $$, 'when she stops, another person has it');
select pg_temp.refused(
    $$ select reschedule(r.job_id, r.lease_id, 'python.finalize') from review as r $$, 'LH001', 'she can no longer pass it on'
);
select is(
    (select (reschedule(r.job_id, r.lease_id, 'python.finalize', r.payload || '{"approved": true}')).state from second_review as r), 'ready',
    'after the approval it goes back to a program'
);
create temporary table finalize as select w.* from get_work('finalizer', '{python.%}') as w;
select results_eq(
    'select f.next_need, f.payload, f.attempt from finalize as f',
    $$ values ('python.finalize', jsonb '{"path": "a.pdf", "pages": 3, "approved": true}', 1) $$,
    'the program gets all the findings'
);
select ok((select complete(f.job_id, f.lease_id, '{"published": true}') from finalize as f), 'it completes the job');
select results_eq(
    $$ select i.state, i.next_need, i.result, i.worker_id, i.archived from job(pg_temp.job('document')) as i $$,
    $$ values ('succeeded', 'python.finalize', jsonb '{"published": true}', 'finalizer', true) $$,
    'it is one job from start to end'
);
select results_eq(
    $$ select d.event, d.actor from departure as d where d.job_id = pg_temp.job('document') and d.event = 'reschedule' order by d.at $$,
    $$ values ('reschedule', 'ingester'), ('reschedule', 'adam') $$,
    'its history says which worker passed it on'
);

select * from finish();
rollback;
