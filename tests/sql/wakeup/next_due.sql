-- next_due: how long a worker of these capabilities may sleep.

begin;
\ir ../include/support.sql
select plan(14);

select is(next_due(capabilities => '{nd.a}'), null, 'it is null where nothing is scheduled');
select submit(next_need => 'nd.a');
select is(next_due(capabilities => '{nd.a}'), null, 'a ready job does not count');
select submit(next_need => 'nd.b', available_at => clock_timestamp() + interval '10 min');
select submit(next_need => 'nd.a', available_at => clock_timestamp() + interval '20 min');
select submit(next_need => 'nd.a', available_at => clock_timestamp() + interval '30 min');

create function pg_temp.minutes(capabilities text[]) returns integer language sql as $minutes$
    select ceil(extract(epoch from next_due(minutes.capabilities)) / 60)::integer
$minutes$;
select is(pg_temp.minutes('{nd.a}'), 20, 'it is the time of the first job of a need');
select is(pg_temp.minutes('{nd.b}'), 10, 'it is the time of the first job of another need');
select is(pg_temp.minutes('{nd.a,nd.b}'), 10, 'with two needs it is the earlier of the two');
select is(pg_temp.minutes('{nd.%}'), 10, 'a prefix counts the needs that it covers');
select is(pg_temp.minutes('{%}'), 10, '% counts all needs');
select is(pg_temp.minutes('{nd.c,nc.%}'), null, 'it is null for a need without scheduled jobs');

select from get_work(worker_id => 'w', capabilities => '{nd.a}');
select fail(job_id => j.job_id, lease_id => j.lease_id, error => 'no', retry_after => '5 min') from leased as j;
select is(pg_temp.minutes('{nd.a}'), 5, 'a job that backs off counts');

-- many other jobs come first: the answer may be too early, but never too late
select submit_many((
    select jsonb_agg(jsonb_build_object('next_need', 'nd.x', 'available_at', clock_timestamp() + interval '1 min' + interval '10 ms' * n)) from generate_series(1, 1100) as n
));
select is(pg_temp.minutes('{nd.b}'), 2, 'behind many jobs of another need it is when the two hundredth is due: early, never late');
select is(pg_temp.minutes('{nd.x}'), 1, 'for that other need it is when its first job is due');

-- arguments
select pg_temp.refused('select next_due(capabilities => null)', 'LH010', 'null capabilities: LH010');
select pg_temp.refused($$ select next_due(capabilities => '{}') $$, 'LH010', 'an empty list: LH010');
select pg_temp.refused($$ select next_due(capabilities => '{a b}') $$, 'LH010', 'an invalid capability: LH010');

select * from finish();
rollback;
