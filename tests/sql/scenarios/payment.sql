-- A payment that fails once and succeeds after its backoff; it is charged once.

begin;
select plan(15);
\ir ../include/support.sql
\ir ../include/named.sql

create temporary table charge (job_id uuid not null, attempt integer not null, fence bigint not null);
select pg_temp.keep(
    'payment',
    submit(
        'payment.charge', '{"order": 4711, "cents": 990}', singleton_key => 'order 4711',
        retry => '{"kind": "exponential", "initial": "30 s", "multiplier": 2, "jitter": 0.1, "retryable": ["timeout%", "429"]}'
    )
) \gset

-- The bank does not answer: the transaction of the charge rolls back, the failure is recorded.
create temporary table first_try as select w.* from get_work('cashier', '{payment.%}') as w;
savepoint charging;
insert into charge select t.job_id, t.attempt, t.fence from first_try as t;
rollback to savepoint charging;
create temporary table failed as select f.* from first_try as t, fail(t.job_id, t.lease_id, 'bank said no', error_code => 'timeout 30 s') as f;
select results_eq('select f.state, f.attempt from failed as f', $$ values ('scheduled', 1) $$, 'a timeout is tried again');
select ok(
    (select f.available_at - clock_timestamp() between interval '26 s' and interval '33 s' from failed as f), 'it backs off by its own policy: half a minute'
);
select results_eq(
    $$ select r.reason, r.until from why_not_running(pg_temp.job('payment')) as r $$, $$ select 'scheduled', f.available_at from failed as f $$,
    'an operator sees when it is tried again'
);
select is_empty($$ select from get_work('cashier', '{payment.%}') $$, 'nobody charges before that');
select is_empty('select from charge', 'nothing is charged yet');

-- After the backoff.
select pg_temp.is_due(pg_temp.job('payment')) \gset
create temporary table second_try as select w.* from get_work('cashier', '{payment.%}') as w;
select results_eq('select t.job_id, t.attempt from second_try as t', $$ values (pg_temp.job('payment'), 2) $$, 'the next lease is the second attempt');
select lives_ok($$ select hold_lease(t.job_id, t.lease_id) from second_try as t $$, 'it holds its lease while it charges');
insert into charge select t.job_id, t.attempt, t.fence from second_try as t;
select ok((select complete(t.job_id, t.lease_id, '{"receipt": "r1"}') from second_try as t), 'it succeeds');
select results_eq('select c.attempt from charge as c', 'values (2)', 'the payment is charged once, by the second attempt');
select results_eq(
    $$ select i.state, i.attempt, i.result, i.error from job(pg_temp.job('payment')) as i $$,
    $$ values ('succeeded', 2, jsonb '{"receipt": "r1"}', 'bank said no') $$,
    'the job has succeeded and keeps its last error'
);
select results_eq(
    $$ select d.event, d.actor, d.attempt from departure as d where d.job_id = pg_temp.job('payment') $$, $$ values ('fail', 'cashier', 1) $$,
    'its history has the one failure'
);

-- The first worker returns at last.
select pg_temp.refused(
    $$ select complete(t.job_id, t.lease_id) from first_try as t $$, 'LH008', 'the lease of the first attempt can no longer end the job, which succeeded without it'
);
select pg_temp.refused(
    $$ select complete(t.job_id, t.lease_id) from second_try as t $$, 'LH018', 'the lease of the second attempt is told that the job is done'
);

-- A card that is refused is not tried again.
select pg_temp.keep('refused', submit('payment.charge', '{"order": 4712}', retry => '{"retryable": ["timeout%", "429"]}')) \gset
select pg_temp.take('refused') \gset
select is((fail(pg_temp.job('refused'), pg_temp.lease('refused'), 'timeout of the card', error_code => 'card_expired')).state, 'dead', 'a refused card is not tried again');
select results_eq(
    $$ select d.job_id, d.dead_reason collate "default", d.error_code from dead_letter as d $$, $$ values (pg_temp.job('refused'), 'not_retryable', 'card_expired') $$,
    'it is a dead letter for a person'
);

select * from finish();
rollback;
