-- redrive_many: brings back the dead letters of a need or prefix, the longest dead first.

begin;
\ir ../include/support.sql
select plan(40);

create function pg_temp.dead(id uuid, need text) returns void language sql as $dead$
    select submit(job_id => id, next_need => need, max_attempts => 1);
    select fail_unheld(job_id => id, actor => 'ann', error => 'no', retryable => false);
$dead$;

-- Behaviour --------------------------------------------------------------------------------------

select pg_temp.dead(pg_temp.id(1), 'rm.a');
select pg_temp.dead(pg_temp.id(2), 'rm.a.b');
select pg_temp.dead(pg_temp.id(3), 'rm.ab');
select pg_temp.dead(pg_temp.id(4), 'other');
select submit(job_id => pg_temp.id(5), next_need => 'rm.a');
select job_id as held from pg_temp.leased('rm.held') \gset

select results_eq($$ select redrive_many(capability => 'rm.a', actor => 'ann') $$, $$ select pg_temp.id(1) $$, 'a need covers its own dead jobs alone');
select is(array(select pg_temp.state(pg_temp.id(n)) from generate_series(1, 4) as n), '{ready,dead,dead,dead}', 'they are ready again');
select results_eq(
    format('select actor, event, state from departure where job_id = %L and event <> %L', pg_temp.id(1), 'buried'),
    $$ values ('ann', 'redriven', 'ready') $$, 'the actor is in the history'
);
select is((job(pg_temp.id(1))).attempt, 0, 'their attempts start again');
select results_eq($$ select redrive_many(capability => 'rm.a%', actor => 'ann') $$, $$ select pg_temp.id(2) union all select pg_temp.id(3) $$,
    'a prefix covers all its needs, in the order in which the jobs died');
select is((select state from job where job_id = :'held'), 'leased', 'live jobs that are not dead are left alone');
select is_empty($$ select redrive_many(capability => 'rm.%', actor => 'ann') $$, 'without dead jobs nothing comes back');
select pg_temp.changes_nothing($$ select redrive_many(capability => 'rm.%', actor => 'ann') $$, 'without dead jobs nothing changes');
select is_empty($$ select redrive_many(capability => 'rm.unknown', actor => 'ann') $$, 'an unknown need has no dead jobs');
select results_eq($$ select redrive_many(capability => '%', actor => 'ann') $$, $$ select pg_temp.id(4) $$, 'a % alone covers every need');

-- only the last % is special
select pg_temp.dead(pg_temp.id(6), 'rm_x.y');
select pg_temp.dead(pg_temp.id(7), 'rmqx.y');
select pg_temp.dead(pg_temp.id(8), 'rm%x.y');
select results_eq($$ select redrive_many(capability => 'rm_x%', actor => 'ann') $$, $$ select pg_temp.id(6) $$, '_ is a literal character');
select results_eq($$ select redrive_many(capability => 'rm%x%', actor => 'ann') $$, $$ select pg_temp.id(8) $$, 'a % inside is a literal character too');
select is(pg_temp.state(pg_temp.id(7)), 'dead', 'the jobs that a LIKE pattern would have matched stay dead');

-- limit_jobs
select pg_temp.dead(pg_temp.id(10 + n), 'rm.many') from generate_series(1, 5) as n;
update job set ended_at = now() - interval '1 day' where job_id = pg_temp.id(13);
select results_eq($$ select redrive_many(capability => 'rm.many', actor => 'ann', limit_jobs => 2) $$, $$ select pg_temp.id(13) union all select pg_temp.id(11) $$,
    'limit_jobs: only that many come back, the longest dead first');
select is((select count(*) from redrive_many(capability => 'rm.many', actor => 'ann', limit_jobs => 100000)), 3::bigint, 'the next call brings back the rest');

-- expires_at
select submit(job_id => pg_temp.id(20), next_need => 'rm.expired', expires_at => now() + interval '1 min');
select pg_temp.is_late(pg_temp.id(20));
select sweep();
select redrive_many(capability => 'rm.expired', actor => 'ann');
select results_eq(format('select state, expires_at from job(job_id => %L)', pg_temp.id(20)), $$ values ('ready', null::timestamptz) $$,
    'an expired job comes back without its expires_at');
select submit(job_id => pg_temp.id(21), next_need => 'rm.expired', expires_at => now() + interval '3 h');
select fail_unheld(job_id => pg_temp.id(21), actor => 'ann', error => 'no', retryable => false);
select redrive_many(capability => 'rm.expired', actor => 'ann');
select is((job(job_id => pg_temp.id(21))).expires_at, now() + interval '3 h', 'an expires_at in the future is kept');

-- cascades come back with their root, even if the capability covers both
select submit(job_id => pg_temp.id(30), next_need => 'rm.chain.root');
select submit(job_id => pg_temp.id(31), next_need => 'rm.chain.child', wait_for => array[pg_temp.id(30)], on_dependency_failure => 'cascade');
select submit(job_id => pg_temp.id(32), next_need => 'rm.elsewhere', wait_for => array[pg_temp.id(30)], on_dependency_failure => 'cascade');
select fail_unheld(job_id => pg_temp.id(30), actor => 'ann', error => 'no', retryable => false);
select is(array(select pg_temp.state(pg_temp.id(n)) from generate_series(30, 32) as n), '{dead,dead,dead}', 'a root and its cascade are dead');
select redrive_many(capability => 'rm.chain.%', actor => 'ann');
select sweep();
select is(array(select pg_temp.state(pg_temp.id(n)) from generate_series(30, 32) as n), '{ready,blocked,blocked}', 'they come back together');
select complete_unheld(job_id => pg_temp.id(30), actor => 'ann');
select is(array(select pg_temp.state(pg_temp.id(n)) from generate_series(30, 32) as n), '{succeeded,ready,ready}', 'they run in their order');

-- jobs of one singleton key
select submit(job_id => pg_temp.id(40 + n), next_need => 'rm.key', singleton_key => 'rm') from generate_series(1, 3) as n;
select fail_unheld(job_id => pg_temp.id(40 + n), actor => 'ann', error => 'no', retryable => false) from generate_series(1, 3) as n;
select is((select count(*) from redrive_many(capability => 'rm.key', actor => 'ann')), 3::bigint, 'jobs of one key come back together');
select is((select count(*) from get_work(worker_id => 'w', capabilities => '{rm.key}', limit_jobs => 10)), 1::bigint, 'they are leased one at a time');

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.dead(pg_temp.id(50), 'rm.arguments');
select is(
    pg_temp.detail_of($$ select redrive_many(capability => 'rm x', actor => 'ann') $$) ->> 'argument', 'capability', 'the error names the function''s own argument'
);
select pg_temp.refused(format('select redrive_many(capability => %s, actor => %L)', a.capability, 'ann'), 'LH010', 'capability: ' || a.name)
from (
    values ('null', 'null'), ('''''', 'empty'), ('''a..b''', 'an empty part'), ('''.a''', 'an empty first part'), ('''a b''', 'white space'),
        ('E''a\nb''', 'a control character'), ('repeat(''x'', 201)', 'too long'), ('repeat(''x'', 201) || ''%''', 'a prefix that is too long')
) as a (capability, name);
select pg_temp.refused(format('select redrive_many(capability => %L, actor => %s)', 'rm.%', a.actor), 'LH010', 'actor: ' || a.name)
from (values ('null', 'null'), ('''''', 'empty'), ('repeat(''x'', 201)', 'too long'), ('repeat(''é'', 101)', 'too long in bytes')) as a (actor, name);
select pg_temp.refused(format('select redrive_many(capability => %L, actor => %L, limit_jobs => %s)', 'rm.%', 'ann', a.value), 'LH010', 'limit_jobs: ' || a.value)
from (values ('0'), ('-1'), ('100001'), ('2147483647')) as a (value);
select is(pg_temp.state(pg_temp.id(50)), 'dead', 'after all these refusals the job is unchanged');

select * from finish();
rollback;
