-- An email: one job for one mail, however often it is submitted; the mail server says "later"; sent and recorded in one transaction.

begin;
select plan(13);
\ir ../include/support.sql
\ir ../include/named.sql

create temporary table mail (mail_id integer primary key, recipient text not null, sent_at timestamptz);

-- The signup form is sent twice.
insert into mail values (7, 'ada@example.org', null);
select pg_temp.keep('welcome', submit('email.send', '{"mail_id": 7}', idempotency_key => 'welcome ada@example.org')) \gset
select results_eq(
    $$ select s.job_id, s.created from submit('email.send', '{"mail_id": 7}', idempotency_key => 'welcome ada@example.org') as s $$,
    $$ values (pg_temp.job('welcome'), false) $$,
    'the second submit finds the first job'
);
select is((select count(*) from job as j where j.next_need = 'email.send'), 1::bigint, 'there is one job for the one mail');
select pg_temp.refused(
    $$ select submit('email.send', '{"mail_id": 8}', idempotency_key => 'welcome ada@example.org') $$, 'LH006', 'its key is for this mail alone'
);

-- The mail server asks for five minutes.
select pg_temp.take('welcome') \gset
select results_eq(
    $$
        select r.state, r.attempt
        from reschedule(pg_temp.job('welcome'), pg_temp.lease('welcome'), available_at => clock_timestamp() + interval '5 minutes') as r
    $$,
    $$ values ('scheduled', 0) $$,
    'a greylisted mail is put off by reschedule, which is not a failed attempt'
);
select ok(
    (job(pg_temp.job('welcome'))).available_at - clock_timestamp() between interval '299 s' and interval '300 s', 'it is put off for five minutes'
);
select is_empty($$ select from get_work('mailer', '{email.%}') $$, 'nobody gets the job until then');
select is((submit('email.send', '{"mail_id": 7}', idempotency_key => 'welcome ada@example.org')).created, false, 'it is still the one job of its key');
select pg_temp.is_due(pg_temp.job('welcome')) \gset
select pg_temp.take('welcome') \gset
select is((job(pg_temp.job('welcome'))).attempt, 1, 'then it is claimed, on its first attempt');

-- The mail is sent. Its row and the end of the job are written both or not at all.
savepoint lost_connection;
update mail set sent_at = clock_timestamp() where mail_id = 7;
select complete(pg_temp.job('welcome'), pg_temp.lease('welcome'), '{"smtp": 250}') \gset
rollback to savepoint lost_connection;
select results_eq(
    $$ select m.sent_at, pg_temp.state_of('welcome') from mail as m $$, $$ values (null::timestamptz, 'leased') $$,
    'a transaction that rolls back leaves neither the row nor the end'
);
update mail set sent_at = clock_timestamp() where mail_id = 7;
select complete(pg_temp.job('welcome'), pg_temp.lease('welcome'), '{"smtp": 250}') \gset
select results_eq(
    $$ select m.sent_at is not null, pg_temp.state_of('welcome') from mail as m $$, $$ values (true, 'succeeded') $$,
    'a transaction that commits has both'
);

-- The reply to the commit was lost: the worker repeats all of it.
update mail set sent_at = '2020-01-01' where mail_id = 7;
create function pg_temp.replay() returns text language plpgsql as $replay$
begin
    update mail set sent_at = '1999-01-01' where mail_id = 7;
    perform complete(pg_temp.job('welcome'), pg_temp.lease('welcome'), '{"smtp": 250}');
    return 'completed twice';
exception
    when sqlstate 'LH018' then
        return 'already done';
end
$replay$;
select is(pg_temp.replay(), 'already done', 'a replay is told that the work is done');
select is((select m.sent_at from mail as m), '2020-01-01', 'the rows that it wrote again are rolled back');
select results_eq(
    $$ select s.job_id, s.created, s.state from submit('email.send', '{"mail_id": 7}', idempotency_key => 'welcome ada@example.org') as s $$,
    $$ values (pg_temp.job('welcome'), false, 'succeeded') $$,
    'a late third submit of the form sends no second mail'
);

select * from finish();
rollback;
