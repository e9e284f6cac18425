-- Singleton keys: one lease per key, the head of each need offered, priorities inside a key, and the next job admitted after every kind of end.
-- Tests that take several sessions (50 claimers, crossing commits): tests/py.

begin;
\ir ../include/support.sql
select plan(70);

create function pg_temp.take(need text, limit_jobs integer default 1) returns setof uuid language sql as $take$
    select w.job_id from get_work(worker_id => 'w', capabilities => array[need], limit_jobs => take.limit_jobs) as w;
$take$;
create function pg_temp.lease_of(id uuid) returns uuid language sql as $lease_of$
    select (job(job_id => id)).lease_id;
$lease_of$;

-- One lease per key -------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(n), next_need => 'si.one', singleton_key => 'si.one') from generate_series(1, 5) as n;
select submit(job_id => pg_temp.id(6), next_need => 'si.one', singleton_key => 'si.other');
select submit(job_id => pg_temp.id(7), next_need => 'si.one');
select is(array(select pg_temp.take('si.one', 10)), array[pg_temp.id(1), pg_temp.id(6), pg_temp.id(7)], 'a batch leases one job of each key; a job without a key is not held up');
select is_empty($$ select pg_temp.take('si.one', 10) $$, 'while it is leased nobody gets another job of the key');
select is_empty($$ select pg_temp.take('%', 10) $$, 'whatever the capabilities of the worker are');
select is((select count(*) from job where state = 'leased' and singleton_key = 'si.one'), 1::bigint, 'one lease of the key is current');
select is((submit(job_id => pg_temp.id(8), next_need => 'si.one', singleton_key => 'si.one', priority => 0)).state, 'ready', 'a job submitted meanwhile is ready');
select is_empty($$ select pg_temp.take('si.one') $$, 'it is not leased, however urgent it is');
select throws_ok(
    format($$ insert into leased select j.* from job as j where j.job_id = %L $$, pg_temp.id(2)), '23505', null, 'the table itself refuses a second lease of a key'
);
select is((select singleton_key from get_work(worker_id => 'w', capabilities => '{si.x}')), null, 'nor is a job of another need');

-- priorities inside a key
select complete(job_id => pg_temp.id(1), lease_id => pg_temp.lease_of(pg_temp.id(1)));
select is(array(select pg_temp.take('si.one', 10)), array[pg_temp.id(8)], 'the end of the first admits the most urgent');
select complete(job_id => pg_temp.id(8), lease_id => pg_temp.lease_of(pg_temp.id(8)));
select is(array(select pg_temp.take('si.one', 10)), array[pg_temp.id(2)], 'then the one that has been ready longest');
select submit(job_id => pg_temp.id(9), next_need => 'si.one', singleton_key => 'si.one', priority => 999);
select complete(job_id => pg_temp.id(2), lease_id => pg_temp.lease_of(pg_temp.id(2)));
select is(array(select pg_temp.take('si.one', 10)), array[pg_temp.id(3)], 'and the next one after that');
select complete(job_id => pg_temp.id(3), lease_id => pg_temp.lease_of(pg_temp.id(3)));
select complete(job_id => w.job_id, lease_id => w.lease_id) from get_work(worker_id => 'w', capabilities => '{si.one}') as w;
select complete(job_id => w.job_id, lease_id => w.lease_id) from get_work(worker_id => 'w', capabilities => '{si.one}') as w;
select is(array(select pg_temp.take('si.one', 10)), array[pg_temp.id(9)], 'the least urgent comes last');

-- a more urgent job that arrives while the key is free
select submit(job_id => pg_temp.id(11), next_need => 'si.urgent', singleton_key => 'si.urgent', priority => 200);
select submit(job_id => pg_temp.id(12), next_need => 'si.urgent', singleton_key => 'si.urgent', priority => 100);
select submit(job_id => pg_temp.id(13), next_need => 'si.urgent', singleton_key => 'si.urgent', priority => 150);
select is(array(select pg_temp.take('si.urgent', 10)), array[pg_temp.id(12)], 'the most urgent job of a free key goes first, whenever it arrived');
select complete(job_id => pg_temp.id(12), lease_id => pg_temp.lease_of(pg_temp.id(12)));
select is(array(select pg_temp.take('si.urgent', 10)), array[pg_temp.id(13)], 'then the next urgent one');
select complete(job_id => pg_temp.id(13), lease_id => pg_temp.lease_of(pg_temp.id(13)));
select is(array(select pg_temp.take('si.urgent', 10)), array[pg_temp.id(11)], 'then the last one');

-- keys are compared byte by byte
select submit(next_need => 'si.bytes', singleton_key => k.key) from (values ('k'), ('K'), ('k '), ('ｋ'), ('k%'), (U&'\006B\0301'), (U&'\1E31')) as k (key);
select is((select count(*) from get_work(worker_id => 'w', capabilities => '{si.bytes}', limit_jobs => 100)), 7::bigint, 'keys that only look alike are different');
select submit(next_need => 'si.long', singleton_key => repeat('k', 999) || n) from generate_series(1, 3) as n;
select is((select count(*) from get_work(worker_id => 'w', capabilities => '{si.long}', limit_jobs => 100)), 3::bigint, 'long keys with the same beginning are different');

-- Several needs -----------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(20 + n), next_need => 'si.needs.' || chr(96 + n), singleton_key => 'si.needs') from generate_series(1, 3) as n;
select submit(job_id => pg_temp.id(24), next_need => 'si.needs.b', singleton_key => 'si.needs', priority => 1);
select is(array(select pg_temp.take('si.needs.b')), array[pg_temp.id(24)], 'a worker of one need gets the head of that need, though jobs of other needs of the key came earlier');
select is_empty($$ select pg_temp.take('si.needs.%', 10) $$, 'then nobody gets any of the others');
select complete(job_id => pg_temp.id(24), lease_id => pg_temp.lease_of(pg_temp.id(24)));
select is(array(select pg_temp.take('si.needs.c')), array[pg_temp.id(23)], 'when it ends, the head of each need is offered');
select complete(job_id => pg_temp.id(23), lease_id => pg_temp.lease_of(pg_temp.id(23)));
select is(array(select pg_temp.take('si.needs.%', 10)), array[pg_temp.id(21)], 'a worker of all these needs gets one job');
select complete(job_id => pg_temp.id(21), lease_id => pg_temp.lease_of(pg_temp.id(21)));
select is(array(select pg_temp.take('si.needs.%', 10)), array[pg_temp.id(22)], 'they are leased one after the other until none is left');

-- a need that nobody serves holds nothing up
select submit(job_id => pg_temp.id(31), next_need => 'si.nobody', singleton_key => 'si.nobody', priority => 0);
select submit(job_id => pg_temp.id(32), next_need => 'si.somebody', singleton_key => 'si.nobody');
select is(array(select pg_temp.take('si.somebody')), array[pg_temp.id(32)], 'a job whose need nobody serves does not keep its key from the other jobs');

-- Every kind of end admits the next job -----------------------------------------------------------

-- Leases the first of two jobs of a key, runs the given statement on it, and tells which job may be leased then.
create function pg_temp.after(n integer, what text) returns text language plpgsql as $after$
declare
    v_key   constant text := 'si.after.' || n;
    v_lease uuid;
    v_next  uuid;
begin
    perform submit(job_id => pg_temp.id(n), next_need => v_key, singleton_key => v_key, max_attempts => 5);
    perform submit(job_id => pg_temp.id(n + 1), next_need => v_key, singleton_key => v_key);
    perform submit(job_id => pg_temp.id(n + 2), next_need => v_key, singleton_key => v_key);
    if (select w.job_id from get_work(worker_id => 'w', capabilities => array[v_key]) as w) <> pg_temp.id(n) then
        return 'the wrong one was first';
    end if;
    v_lease := pg_temp.lease_of(pg_temp.id(n));
    execute replace(replace(what, '$job', quote_literal(pg_temp.id(n)) || '::uuid'), '$lease', quote_literal(v_lease) || '::uuid');
    select string_agg(right(w.job_id::text, 4)::integer - n || '', ',') into what
    from get_work(worker_id => 'w', capabilities => array[v_key], limit_jobs => 9) as w;
    if (select count(*) from job as j where j.singleton_key = v_key and j.state = 'leased') > 1 then
        return 'two leases';
    end if;
    return coalesce(what, 'nobody');
end
$after$;

select is(pg_temp.after(100 + 10 * row_number() over ()::integer, e.what), e.next, 'after ' || e.name || ': ' || case e.next when '1' then 'the next' when '0' then 'itself again' else e.next end)
from (
    values
    ('complete', 'select complete(job_id => $job, lease_id => $lease)', '1'),
    ('a fail that backs off', 'select fail(job_id => $job, lease_id => $lease, error => ''no'')', '1'),
    ('a fail that buries', 'select fail(job_id => $job, lease_id => $lease, error => ''no'', retryable => false)', '1'),
    ('release', 'select release(job_id => $job, lease_id => $lease)', '1'),
    ('release to a later time', 'select release(job_id => $job, lease_id => $lease, available_at => now() + interval ''1 h'')', '1'),
    ('reschedule', 'select reschedule(job_id => $job, lease_id => $lease)', '1'),
    ('reschedule to a later time', 'select reschedule(job_id => $job, lease_id => $lease, available_at => now() + interval ''1 h'')', '1'),
    ('reschedule to another need', 'select reschedule(job_id => $job, lease_id => $lease, next_need => ''si.elsewhere'')', '1'),
    ('reschedule with more urgency', 'select reschedule(job_id => $job, lease_id => $lease, priority => 1)', '0'),
    ('reschedule behind another job', 'select reschedule(job_id => $job, lease_id => $lease, wait_for => array[(submit(next_need => ''si.behind'')).job_id])', '1'),
    ('reschedule behind a cancelled job',
        'select reschedule(job_id => $job, lease_id => $lease, wait_for => array(select s.job_id from submit(next_need => ''si.behind'') as s where cancel(s.job_id, ''ann'') = ''cancelled''))', '1'),
    ('reschedule past its expires_at', 'select reschedule(job_id => $job, lease_id => $lease, available_at => now() + interval ''1 h'', expires_at => now() + interval ''61 min'')', '1'),
    ('its lease expired (seen by sweep)', 'select pg_temp.run_out($job); select sweep()', '1'),
    ('its lease expired (seen by get_work)', 'select pg_temp.run_out($job)', '1'),
    ('its lease expired (seen by cancel)', 'select pg_temp.run_out($job); select cancel($job, ''ann'')', '1'),
    ('its lease expired (seen by fail_unheld)', 'select pg_temp.run_out($job); select fail_unheld($job, ''ann'', ''no'')', '1'),
    ('its lease expired (seen by complete_unheld)', 'select pg_temp.run_out($job); select complete_unheld($job, ''ann'')', '1'),
    ('a crash loop', 'update job set crashes = 2 where job_id = $job; select pg_temp.run_out($job); select sweep()', '1'),
    ('cancel and fail', 'select cancel($job, ''ann''); select fail(job_id => $job, lease_id => $lease, error => ''no'')', '1'),
    ('cancel and release', 'select cancel($job, ''ann''); select release(job_id => $job, lease_id => $lease)', '1'),
    ('cancel and complete', 'select cancel($job, ''ann''); select complete(job_id => $job, lease_id => $lease)', '1'),
    ('cancel and running out', 'select cancel($job, ''ann''); select pg_temp.run_out($job); select sweep()', '1'),
    ('settle', 'select settle(jsonb_build_array(jsonb_build_object(''job_id'', $job, ''lease_id'', $lease, ''verb'', ''complete'')))', '1'),
    ('extend', 'select extend(job_id => $job, lease_id => $lease)', 'nobody'),
    ('cancel alone', 'select cancel($job, ''ann'')', 'nobody'),
    ('a checkpoint', 'select checkpoint(job_id => $job, lease_id => $lease, name => ''x'')', 'nobody')
) as e (name, what, next);

-- The head of a key leaves without having been leased ----------------------------------------------

create function pg_temp.after_head(n integer, what text) returns text language plpgsql as $after_head$
declare
    v_key constant text := 'si.head.' || n;
begin
    perform submit(job_id => pg_temp.id(n), next_need => v_key, singleton_key => v_key);
    perform submit(job_id => pg_temp.id(n + 1), next_need => v_key, singleton_key => v_key);
    if not (select j.parked from job as j where j.job_id = pg_temp.id(n + 1)) then
        return 'the second was not parked';
    end if;
    delete from deferred;
    execute replace(what, '$job', quote_literal(pg_temp.id(n)) || '::uuid');
    -- a deferred item of this same transaction is run only by a later transaction
    perform pg_temp.notes_are_old();
    select string_agg(right(w.job_id::text, 4)::integer - n || '', ',') into what
    from get_work(worker_id => 'w', capabilities => array[v_key], limit_jobs => 9) as w;
    return coalesce(what, 'nobody');
end
$after_head$;

select is(pg_temp.after_head(1000 + 10 * row_number() over ()::integer, e.what), '1', 'the first of a key, not leased: after ' || e.name || ' the next may be leased')
from (
    values
    ('cancel', 'select cancel($job, ''ann'')'),
    ('complete_unheld', 'select complete_unheld($job, ''ann'')'),
    ('fail_unheld', 'select fail_unheld($job, ''ann'', ''no'')'),
    ('its burial', 'select fail_unheld($job, ''ann'', ''no'', retryable => false)'),
    ('reschedule_unheld to a later time', 'select reschedule_unheld($job, ''ann'', available_at => now() + interval ''1 h'')'),
    ('reschedule_unheld to another need', 'select reschedule_unheld($job, ''ann'', next_need => ''si.elsewhere'')'),
    ('reschedule_unheld behind another job', 'select reschedule_unheld($job, ''ann'', wait_for => array[(submit(next_need => ''si.behind'')).job_id])'),
    ('its expiry (seen by sweep)', 'select pg_temp.is_late($job); select sweep()'),
    ('its expiry (seen by get_work)', 'select pg_temp.is_late($job); select get_work(''w'', array[(job($job)).next_need])')
) as e (name, what);

-- Ways into the queue while the key is busy --------------------------------------------------------

create function pg_temp.enter(n integer, what text) returns text language plpgsql as $enter$
declare
    v_key constant text := 'si.enter.' || n;
begin
    perform submit(job_id => pg_temp.id(n), next_need => v_key, singleton_key => v_key);
    perform from get_work(worker_id => 'w', capabilities => array[v_key]);
    execute replace(replace(what, '$job', quote_literal(pg_temp.id(n + 1)) || '::uuid'), '$key', quote_literal(v_key));
    if exists (select from get_work(worker_id => 'w', capabilities => array[v_key], limit_jobs => 9)) then
        return 'two leases';
    elsif pg_temp.state(pg_temp.id(n + 1)) <> 'ready' then
        return 'is ' || pg_temp.state(pg_temp.id(n + 1));
    end if;
    perform complete(job_id => pg_temp.id(n), lease_id => pg_temp.lease_of(pg_temp.id(n)));
    return (select right(w.job_id::text, 4)::integer - n from get_work(worker_id => 'w', capabilities => array[v_key], limit_jobs => 9) as w);
end
$enter$;

select is(pg_temp.enter(2000 + 10 * row_number() over ()::integer, e.what), '1', e.name || ' waits while its key is leased, and goes ahead after that')
from (
    values
    ('a submit', 'select submit(job_id => $job, next_need => $key, singleton_key => $key)'),
    ('a job whose time came', 'select submit(job_id => $job, next_need => $key, singleton_key => $key, available_at => now() + interval ''1 h''); select pg_temp.is_due($job); select sweep()'),
    ('a job whose dependency ended', 'with p as materialized (select p.job_id from submit(next_need => ''si.p'') as p), c as materialized (select submit(job_id => $job, next_need => $key,
        singleton_key => $key, wait_for => array[p.job_id]) from p) select complete_unheld(p.job_id, ''ann'') from p, c'),
    ('a redriven job', 'select submit(job_id => $job, next_need => $key, singleton_key => $key); select fail_unheld($job, ''ann'', ''no'', retryable => false); select redrive($job, ''ann'')'),
    ('a rescheduled job', 'select submit(job_id => $job, next_need => ''si.before'', singleton_key => $key); select reschedule_unheld($job, ''ann'', next_need => $key)'),
    ('one of a batch', 'select submit_many(jsonb_build_array(jsonb_build_object(''job_id'', $job, ''next_need'', $key, ''singleton_key'', $key)))')
) as e (name, what);

-- many jobs at once
select submit(job_id => pg_temp.id(3000 + n), next_need => 'si.many', singleton_key => 'si.many.' || n % 10, available_at => now() + interval '1 h', priority => n) from generate_series(1, 100) as n;
update job set available_at = now() - interval '1 s' where next_need = 'si.many';
select sweep();
select is((select count(*) from job where next_need = 'si.many' and state = 'ready' and not parked), 10::bigint, 'of many jobs that become due together the first of each key is offered');
create temporary table drained (job_id uuid, round integer);
create function pg_temp.drain() returns void language plpgsql as $drain$
begin
    for v_round in 1 .. 11 loop
        insert into drained select w.job_id, v_round from get_work(worker_id => 'w', capabilities => '{si.many}', limit_jobs => 100) as w;
        perform complete(job_id => d.job_id, lease_id => pg_temp.lease_of(d.job_id)) from drained as d where d.round = v_round;
    end loop;
end
$drain$;
select pg_temp.drain();
select is((select array_agg(n order by round) from (select round, count(*) as n from drained group by round) as r), array_fill(10::bigint, array[10]), 'each round leases one job of each key');
select is_empty($$ select from drained as d join drained as e on right(d.job_id::text, 4)::integer % 10 = right(e.job_id::text, 4)::integer % 10 and d.round < e.round and d.job_id > e.job_id $$,
    'the jobs of each key come in their order');
select is((select count(*) from job where next_need = 'si.many'), 0::bigint, 'no job is left after the last round');

-- Nothing left behind ------------------------------------------------------------------------------

select pg_temp.notes_are_old();
select sweep() from generate_series(1, 5);
select is_empty(
    $$ select j.singleton_key from job as j where j.state = 'ready' and j.parked
        and not exists (select from job as o where o.singleton_key = j.singleton_key and (o.state = 'leased' or o.state = 'ready' and not o.parked)) $$,
    'no key has only parked jobs'
);
select is_empty($$ select from job where parked and state <> 'ready' $$, 'only ready jobs are parked');

select * from finish();
rollback;
