-- next_due: how long a worker of these capabilities may sleep.

begin;
\ir ../include/support.sql
select plan(14);

select is(next_due(capabilities => '{nd.a}'), null, 'where nothing is scheduled it says nothing');
select submit(next_need => 'nd.a');
select is(next_due(capabilities => '{nd.a}'), null, 'a ready job is not to be waited for');
select submit(next_need => 'nd.b', available_at => clock_timestamp() + interval '10 min');
select submit(next_need => 'nd.a', available_at => clock_timestamp() + interval '20 min');
select submit(next_need => 'nd.a', available_at => clock_timestamp() + interval '30 min');

create function pg_temp.minutes(capabilities text[]) returns integer language sql as $minutes$
    select ceil(extract(epoch from next_due(minutes.capabilities)) / 60)::integer
$minutes$;
select is(pg_temp.minutes('{nd.a}'), 20, 'the first of a need');
select is(pg_temp.minutes('{nd.b}'), 10, 'of another');
select is(pg_temp.minutes('{nd.a,nd.b}'), 10, 'of two');
select is(pg_temp.minutes('{nd.%}'), 10, 'of a prefix');
select is(pg_temp.minutes('{%}'), 10, 'of all');
select is(pg_temp.minutes('{nd.c,nc.%}'), null, 'of what nothing is scheduled for: nothing');

select from get_work(worker_id => 'w', capabilities => '{nd.a}');
select fail(job_id => j.job_id, lease_id => j.lease_id, error => 'no', retry_after => '5 min') from leased as j;
select is(pg_temp.minutes('{nd.a}'), 5, 'a job that backs off counts');

-- many others before it: sooner rather than later
select submit_many((
    select jsonb_agg(jsonb_build_object('next_need', 'nd.x', 'available_at', clock_timestamp() + interval '1 min' + interval '10 ms' * n)) from generate_series(1, 1100) as n
));
select is(pg_temp.minutes('{nd.b}'), 2, 'behind many of another need it says when the two hundredth is due: sooner, never later');
select is(pg_temp.minutes('{nd.x}'), 1, 'and for that need when the first is');

-- arguments
select pg_temp.refused('select next_due(capabilities => null)', 'LH010', 'no capabilities: LH010');
select pg_temp.refused($$ select next_due(capabilities => '{}') $$, 'LH010', 'an empty list: LH010');
select pg_temp.refused($$ select next_due(capabilities => '{a b}') $$, 'LH010', 'what is no capability: LH010');

select * from finish();
rollback;
