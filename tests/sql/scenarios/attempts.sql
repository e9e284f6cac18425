-- The timing of four attempts under the default policy: at once, + 1 minute, + 4 minutes, dead letter; within jitter.
-- (The fourth row of the timetable is the dead letter: three attempts are the default. With max_attempts 4 there is one more, at + 9 minutes.)

begin;
select plan(10);
\ir ../include/support.sql
\ir ../include/named.sql

create temporary table timetable (name text, attempt integer, state text, wait interval);
create function pg_temp.fails_until_dead(name text) returns void language plpgsql as $fails_until_dead$
declare
    v_outcome   outcome;
    v_now       timestamptz;
begin
    loop
        perform pg_temp.take(name);
        v_now := clock_timestamp();
        v_outcome := fail(pg_temp.job(name), pg_temp.lease(name), 'no');
        insert into timetable values (name, v_outcome.attempt, v_outcome.state, v_outcome.available_at - v_now);
        exit when v_outcome.state = 'dead';
        perform pg_temp.is_due(pg_temp.job(name));
    end loop;
end
$fails_until_dead$;

select is((submit('timing.at_once')).state, 'ready', 'the first attempt is at once');
select pg_temp.keep('default', submit('timing.default')) \gset
select pg_temp.fails_until_dead('default') \gset
select results_eq(
    $$ select t.attempt, t.state from timetable as t where t.name = 'default' order by t.attempt $$,
    $$ values (1, 'scheduled'), (2, 'scheduled'), (3, 'dead') $$,
    'after three attempts the job is a dead letter'
);
select ok(
    (select t.wait between interval '54 s' and interval '66.1 s' from timetable as t where t.name = 'default' and t.attempt = 1),
    'the second attempt comes a minute after the first failed, give or take a tenth'
);
select ok(
    (select t.wait between interval '216 s' and interval '264.1 s' from timetable as t where t.name = 'default' and t.attempt = 2),
    'the third comes four minutes after the second failed'
);
select results_eq(
    $$ select d.job_id, d.dead_reason collate "default", d.attempt from dead_letter as d $$, $$ values (pg_temp.job('default'), 'attempts_exhausted', 3) $$,
    'there is no fourth attempt: the job is a dead letter'
);

select pg_temp.keep('four', submit('timing.four', max_attempts => 4)) \gset
select pg_temp.fails_until_dead('four') \gset
select ok(
    (
        select array_agg(t.state order by t.attempt) = '{scheduled,scheduled,scheduled,dead}'
            and bool_and(t.wait between t.attempt ^ 2 * interval '54 s' and t.attempt ^ 2 * interval '66 s' + interval '0.1 s' or t.state = 'dead')
        from timetable as t
        where t.name = 'four'
    ),
    'with max_attempts 4 there is one more, nine minutes later'
);

-- The jitter spreads the retries: of many jobs that failed at once, not all come back at once.
select count(pg_temp.held('many.' || n)) from generate_series(1, 50) as n \gset
create temporary table spread as
select (fail(pg_temp.job('many.' || n), pg_temp.lease('many.' || n), 'no')).available_at - clock_timestamp() as wait from generate_series(1, 50) as n;
select ok(
    (select min(s.wait) > interval '53.9 s' and max(s.wait) < interval '66 s' from spread as s), 'fifty jobs that fail together stay within a tenth'
);
select cmp_ok(
    (select max(s.wait) - min(s.wait) from spread as s), '>', interval '4 s', 'their next times are spread over the jitter'
);

-- After a redrive the timetable begins again.
select is((redrive(pg_temp.job('default'), 'operator')).state, 'ready', 'a redriven job is ready at once');
delete from timetable as t where t.name = 'default';
select pg_temp.fails_until_dead('default') \gset
select results_eq(
    $$ select t.attempt, t.state from timetable as t where t.name = 'default' order by t.attempt $$,
    $$ values (1, 'scheduled'), (2, 'scheduled'), (3, 'dead') $$,
    'it has its three attempts again'
);

select * from finish();
rollback;
