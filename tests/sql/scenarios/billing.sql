-- A producer that uses only SQL, by hand and from a trigger; a worker of billing.% that claims its jobs.

begin;
select plan(9);
\ir ../include/support.sql
\ir ../include/named.sql

-- By hand.
select job_id, created, state from submit('billing.invoice.v1', '{"customer": 7, "amount": 12.50}', submitted_by => 'psql') \gset by_hand_
select results_eq(
    format($$ values (%L, %L) $$, :'by_hand_created', :'by_hand_state'), $$ values ('t', 'ready') $$, 'one call in plain psql submits one job'
);

-- From the application's own insert.
create temporary table invoice (invoice_id integer primary key, customer integer not null);
create function pg_temp.bill() returns trigger language plpgsql as $bill$
begin
    perform submit(
        'billing.reminder.v1', jsonb_build_object('invoice_id', new.invoice_id), idempotency_key => 'reminder ' || new.invoice_id, priority => 200
    );
    return null;
end
$bill$;
create trigger bill after insert on invoice for each row execute function pg_temp.bill();
insert into invoice values (1, 7), (2, 8);
select is((select count(*) from job as j where j.next_need = 'billing.reminder.v1'), 2::bigint, 'a trigger submits a job for each row');
savepoint mistake;
insert into invoice values (3, 9);
select is((select count(*) from job as j where j.next_need = 'billing.reminder.v1'), 3::bigint, 'it does so in the transaction of the row');
rollback to savepoint mistake;
select results_eq(
    $$ select count(*), (select count(*) from job as j where j.next_need = 'billing.reminder.v1'), (select count(*) from idempotency) from invoice $$,
    'values (2::bigint, 2::bigint, 2::bigint)',
    'a transaction that rolls back leaves neither a job nor a key'
);
select submit('billingx.no'), submit('billing'), submit('shipping.label.v1'), submit('Billing.x') \gset other_

-- The worker.
create temporary table taken as
select w.*, row_number() over () as nth from get_work('biller', '{billing.%}', limit_jobs => 100) as w;
select results_eq(
    'select t.next_need, t.payload from taken as t order by t.nth',
    $$
        values
        ('billing.invoice.v1', jsonb '{"customer": 7, "amount": 12.50}'), ('billing.reminder.v1', '{"invoice_id": 1}'),
        ('billing.reminder.v1', '{"invoice_id": 2}')
    $$,
    'a worker of billing.% gets all jobs under billing., lowest priority number first, and no others'
);
select is(
    (select count(*) from settle((
        select jsonb_agg(jsonb_build_object('job_id', t.job_id, 'lease_id', t.lease_id, 'verb', 'complete')) from taken as t
    )) as s where s.ok),
    3::bigint, 'the worker acknowledges them in one call'
);
select results_eq(
    $$ select f.next_need collate "default", count(*) from finished as f where f.worker_id = 'biller' group by 1 order by 1 $$,
    $$ values ('billing.invoice.v1', 1::bigint), ('billing.reminder.v1', 2) $$,
    'an operator sees which worker ran each job'
);
select is((job(:'by_hand_job_id')).submitted_by, 'psql', 'an operator sees who submitted each job');
select submit('billing.new.v1') \gset new_
select is(
    (select w.next_need from get_work('biller', '{billing.%}') as w), 'billing.new.v1', 'a need that nobody used before is served by the prefix at once'
);

select * from finish();
rollback;
