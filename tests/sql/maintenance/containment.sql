-- A row on which maintenance fails stops no other row: it is set aside, tried again after growing delays, and reported.

begin;
\ir ../include/support.sql
select plan(41);

-- A row that raises whenever it is written, as a damaged value or a foreign trigger would make it.
create table cursed (job_id uuid primary key, message text not null default 'cursed', code text not null default '22003');
create function curse() returns trigger language plpgsql as $curse$
declare
    v_curse leasehold.cursed;
begin
    select c.* into v_curse from leasehold.cursed as c where c.job_id = coalesce(new.job_id, old.job_id);
    if found then
        raise exception using errcode = v_curse.code, message = v_curse.message;
    end if;
    return coalesce(new, old);
end
$curse$;
create trigger cursed before insert on job for each row execute function curse();
create trigger cursed before insert on ready for each row execute function curse();
create trigger cursed before insert on archive for each row execute function curse();

create function pg_temp.errors() returns table (step text, subject text, tries integer, error_code text, error text) language sql as $errors$
    select e.step, e.subject collate "default", e.tries, e.error_code, e.error from maintenance_error as e order by 1, 2
$errors$;
create function pg_temp.states(ids integer[]) returns text[] language sql as $states$
    select array_agg(pg_temp.state(pg_temp.id(n)) order by o) from unnest(ids) with ordinality as u (n, o)
$states$;
-- Rows that were set aside become due again.
create function pg_temp.due_again() returns void language sql as $due_again$
    update maintenance_error as e set retry_at = clock_timestamp() - interval '1 ms';
    update deferred as n set due_at = clock_timestamp() - interval '1 ms', written_by = '3';
$due_again$;

-- promote ----------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(n), next_need => 'co.later', available_at => now() + interval '1 h') from generate_series(1, 9) as n;
select pg_temp.is_due(pg_temp.id(n)) from generate_series(1, 9) as n;
insert into cursed values (pg_temp.id(4)), (pg_temp.id(6));
select is((sweep()).promoted, 7, 'due jobs enter the queue, whatever others among them raise');
select is(pg_temp.states('{1,4,6,9}'), '{ready,scheduled,scheduled,ready}', 'those that raise stay as they are');
select results_eq(
    'select * from pg_temp.errors()',
    $$ values ('promote', pg_temp.id(4)::text, 1, '22003', 'cursed'), ('promote', pg_temp.id(6)::text, 1, '22003', 'cursed') $$,
    'they are recorded with what they raised'
);
select is((sweep()).promoted, 0, 'they are set aside for now');
select results_eq('select distinct tries from pg_temp.errors()', 'values (1)', 'they are not tried again meanwhile');
select isnt_empty($$ select from get_work(worker_id => 'w', capabilities => '{co.later}') $$, 'a claim of the same need goes on');
select results_eq(
    $$ select w.reason, w.detail from why_not_running(job_id => pg_temp.id(4)) as w where w.reason = 'maintenance_fails' $$,
    $$ values ('maintenance_fails', 'promote raised 22003: cursed (1 time)') $$, 'why_not_running says so'
);
select cmp_ok(
    (select w.until from why_not_running(job_id => pg_temp.id(4)) as w where w.reason = 'maintenance_fails'), '<=', clock_timestamp() + interval '1 s',
    'the next try is a second later at first'
);
select pg_temp.due_again();
select sweep();
select results_eq('select distinct tries from pg_temp.errors()', 'values (2)', 'it is tried again when that time has come');
select cmp_ok((select min(e.retry_at - e.failed_at) from maintenance_error as e), '=', interval '2 s', 'each delay is longer');
update maintenance_error set tries = 40;
select pg_temp.due_again();
select sweep();
select cmp_ok((select max(e.retry_at - e.failed_at) from maintenance_error as e), '=', interval '1 h', 'it is tried at least once an hour');
delete from cursed;
select pg_temp.due_again();
select is((sweep()).promoted, 2, 'once repaired, the job enters the queue');
select is_empty('select * from pg_temp.errors()', 'and its record is removed');
select is_empty($$ select from why_not_running(job_id => pg_temp.id(4)) as w where w.reason = 'maintenance_fails' $$, 'it is no longer reported');

-- reclaim ----------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(n), next_need => 'co.lease', retry => '{"kind": "fixed", "initial": "1 h"}') from generate_series(11, 15) as n;
select from get_work(worker_id => 'w', capabilities => '{co.lease}', limit_jobs => 5);
-- a policy that was accepted before such a check existed
update leased set options.retry = '{"jitter": 1e-400}' where job_id = pg_temp.id(13);
select pg_temp.run_out(pg_temp.id(n)) from generate_series(11, 15) as n;
select is((sweep()).reclaimed, 4, 'expired leases are reclaimed even if the policy of one job cannot be computed');
select is(pg_temp.states('{11,12,13,14,15}'), '{scheduled,scheduled,leased,scheduled,scheduled}', 'that job stays leased');
select results_eq(
    'select step, error_code from pg_temp.errors()', $$ values ('reclaim', '22003') $$, 'it is recorded'
);
select lives_ok($$ select from get_work(worker_id => 'w', capabilities => '{co.else}') $$, 'a claim of another need that runs maintenance is not stopped');
update leased set options.retry = '{"jitter": 0}' where job_id = pg_temp.id(13);
select pg_temp.due_again();
select is((sweep()).reclaimed, 1, 'once repaired, the lease is reclaimed');

-- expire -----------------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(n), next_need => 'co.expires', expires_at => now() + interval '1 h') from generate_series(21, 24) as n;
select submit(job_id => pg_temp.id(25), next_need => 'co.expires');
select pg_temp.is_late(pg_temp.id(n)) from generate_series(21, 24) as n;
insert into cursed values (pg_temp.id(21));
select is(
    array(select w.job_id from get_work(worker_id => 'w', capabilities => '{co.expires}') as w), array[pg_temp.id(25)],
    'a job that can no longer start and cannot be buried either stops no claim'
);
select sweep();
select is(pg_temp.states('{21,22,23,24}'), '{ready,dead,dead,dead}', 'the jobs that can be buried are buried');
select results_eq('select step, subject from pg_temp.errors()', $$ values ('expire', pg_temp.id(21)::text) $$, 'the other one is recorded');
delete from cursed;
select pg_temp.due_again();
select is((sweep()).expired, 1, 'it is buried once it is repaired');

-- deferred items ---------------------------------------------------------------------------------

-- a dependent, when its dependency ends
select submit(job_id => pg_temp.id(30), next_need => 'co.parent');
select submit(job_id => pg_temp.id(n), next_need => 'co.child', wait_for => array[pg_temp.id(30)]) from generate_series(31, 35) as n;
insert into cursed values (pg_temp.id(33));
select ok(complete_unheld(job_id => pg_temp.id(30), actor => 'ann'), 'a dependent that cannot be freed does not keep its dependency from ending');
select is(pg_temp.states('{30,31,32,33,34,35}'), '{succeeded,ready,ready,blocked,ready,ready}', 'it does not keep the other dependents from being freed');
select results_eq('select step, subject from pg_temp.errors()', $$ values ('deferred', pg_temp.id(33)::text) $$, 'it is recorded');
select results_eq(
    $$ select w.detail from why_not_running(job_id => pg_temp.id(33)) as w where w.reason = 'maintenance_fails' $$,
    $$ values ('deferred raised 22003: cursed (1 time)') $$, 'and reported'
);
select pg_temp.due_again();
select lives_ok('select sweep()', 'it stops no sweep either');
select cmp_ok((select e.tries from maintenance_error as e), '>', 1, 'a sweep tries it again');
delete from cursed;
select pg_temp.due_again();
select sweep();
select is(pg_temp.state(pg_temp.id(33)), 'ready', 'once repaired, it is freed');
select is_empty('select * from pg_temp.errors()', 'its record is removed');

-- many dependents, freed by a deferred item
select submit(job_id => pg_temp.id(40), next_need => 'co.hub');
select submit_many(jobs => (
    select jsonb_agg(jsonb_build_object('job_id', pg_temp.id(n), 'next_need', 'co.spoke', 'wait_for', jsonb_build_array(pg_temp.id(40)))) from generate_series(1001, 1300) as n
));
select complete_unheld(job_id => pg_temp.id(40), actor => 'ann');
insert into cursed values (pg_temp.id(1150)), (pg_temp.id(1151));
select pg_temp.due_again();
select is((sweep()).freed, 298, 'of many dependents all are freed except those that cannot be');
select is(pg_temp.states('{1149,1150,1151,1152}'), '{ready,blocked,blocked,ready}', 'those go on waiting');
delete from cursed;
select pg_temp.due_again();
select sweep();
select is((select count(*) from ready where next_need = 'co.spoke'), 300::bigint, 'they are freed once they are repaired');

-- the next job of a key
select submit(job_id => pg_temp.id(n), next_need => 'co.keyed', singleton_key => 'k' || n % 2) from generate_series(51, 54) as n;
select from get_work(worker_id => 'w', capabilities => '{co.keyed}', limit_jobs => 9);
delete from deferred;
insert into deferred (kind, singleton_key) values ('key', 'k0'), ('key', 'k1');
select pg_temp.run_out(pg_temp.id(n)) from generate_series(51, 52) as n;
delete from leased where next_need = 'co.keyed';
insert into cursed values (pg_temp.id(53));
select pg_temp.due_again();
select lives_ok('select sweep()', 'a key whose next job cannot be admitted stops no sweep');
select results_eq('select step, subject from pg_temp.errors()', $$ values ('deferred', 'k1') $$, 'it is recorded under its key');
select is_empty($$ select from ready as r where r.parked $$, 'no ready job is parked');
select is((select j.parked from job as j where j.job_id = pg_temp.id(54)), false, 'the next job of the other key is admitted');
delete from cursed;

-- errors that no row causes ----------------------------------------------------------------------

insert into cursed (job_id, code) values (pg_temp.id(61), '40001');
select submit(job_id => pg_temp.id(62), next_need => 'co.later', available_at => now() + interval '1 h');
update cursed set job_id = pg_temp.id(62);
select pg_temp.is_due(pg_temp.id(62));
select throws_ok('select sweep()', '40001', 'cursed', 'a serialization failure is raised, so that the transaction is tried again');
delete from cursed;

-- ends of leases, and registrations ----------------------------------------------------------------

create function refuse() returns trigger language plpgsql as $refuse$
begin
    if old.channel = 'cursed' then
        raise exception 'cursed';
    end if;
    return old;
end
$refuse$;
create trigger refuse before delete on waiter for each row execute function refuse();
insert into waiter (channel, stem, until)
select c.channel, 'co.w', clock_timestamp() - interval '1 h' from (values ('one'), ('cursed'), ('two')) as c (channel);
select sweep();
select results_eq($$ select channel from waiter where stem = 'co.w' $$, $$ values ('cursed') $$, 'a registration that cannot be removed does not keep the others');

select throws_ok(
    $$ insert into listener (channel, stem, known_until) values (repeat('c', 64), 'co.w', now() + interval '1 h') $$, '23514', null,
    'a channel that NOTIFY would refuse, which would make every submit that wakes it fail, cannot be stored'
);

select * from finish();
rollback;
