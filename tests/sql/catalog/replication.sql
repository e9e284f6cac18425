-- How replication and restore tools treat a database: publications of all tables, and sessions in which triggers do not fire.

begin;
\ir ../include/support.sql
select plan(12);

-- With a publication of all tables, a DELETE or UPDATE of a table without a key or replica identity is refused with 55000 -----------------------

set local client_min_messages = error;
create publication tap_everything for all tables;
reset client_min_messages;

select submit(job_id => pg_temp.id(1), next_need => 're.a');
select wakeup_channel(capabilities => '{re.a,re.%}', until => clock_timestamp() + interval '1 min');
select wakeup_channel(capabilities => '{re.a,re.%}', until => clock_timestamp() + interval '1 h');
select lives_ok($$ select submit(job_id => pg_temp.id(2), next_need => 're.a', singleton_key => 'k') $$, 'a submit succeeds while a worker waits');
select lives_ok($$ select submit(job_id => pg_temp.id(3), next_need => 're.b', wait_for => array[pg_temp.id(1)]) $$, 'a submit of a job with a dependency succeeds');
select lives_ok($$ insert into submission (next_need) values ('re.c') $$, 'an INSERT into submission succeeds');
select lives_ok($$ select reschedule_unheld(job_id => pg_temp.id(2), actor => 'ann', wait_for => array[pg_temp.id(1)]) $$, 'a call that locks the cycle gate succeeds');
select lives_ok($$ select complete(job_id => w.job_id, lease_id => w.lease_id) from get_work(worker_id => 'w', capabilities => '{re.%}', limit_jobs => 10) as w $$, 'a claim and a complete succeed');
select submit(next_need => 're.d', expires_at => clock_timestamp() + interval '1 ms');
update lane set retire_at = clock_timestamp();
update waiter set until = clock_timestamp();
select lives_ok('select sweep()', 'maintenance retires lanes and removes expired registrations');
select ok(
    not exists (select from waiter) and not exists (select from lane as l where l.priority >= 0), 'no registration and no open lane is left'
);

-- session_replication_role = replica --------------------------------------------------------------------

set local session_replication_role = replica;
select pg_temp.refused($$ insert into submission (next_need) values ('re.lost') $$, '23514', 'an INSERT that would store nothing is refused');
select pg_temp.refused($$ insert into submission (next_need) select 're.lost' || n from generate_series(1, 3) as n $$, '23514', 'an INSERT of many rows is refused');
select pg_temp.refused($$ insert into submission (payload) values ('{}') $$, '23514', 'an INSERT without a need is refused');
select submit(job_id => pg_temp.id(9), next_need => 're.kept');
select is(pg_temp.state(pg_temp.id(9)), 'ready', 'submit does not depend on triggers');
reset session_replication_role;
select lives_ok($$ insert into submission (next_need) values ('re.back') $$, 'afterwards everything works as before');

select * from finish();
rollback;
