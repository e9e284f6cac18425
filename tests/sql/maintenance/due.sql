-- _lock_due finds the rows that are due for a step of maintenance, by an index; _lock_still_due checks named rows, by their keys. The
-- conditions are written twice, because the plans differ. Here both get the same rows, on either side of each limit.

begin;
\ir ../include/support.sql
select plan(15);

select clock_timestamp() as moment \gset

-- The rows that _lock_due finds, and those that _lock_still_due keeps out of all rows.
create function pg_temp.due(step text, moment timestamptz) returns setof text language sql as $due$
    select unnest(_lock_due(step, 1000, '-infinity', moment));
$due$;
create function pg_temp.still_due(step text, moment timestamptz) returns setof text language sql as $still_due$
    select unnest(_lock_still_due(
        step,
        case step
            when 'heartbeats' then array(select h.fence::text from heartbeat as h)
            when 'waiters' then array(select w.ctid::text from waiter as w)
            else array(select j.job_id::text from job as j)
        end,
        moment
    ));
$still_due$;
create function pg_temp.number(id text) returns integer language sql as $number$
    select right(id, 12)::integer;
$number$;

-- scheduled, blocked, dead, ready and leased jobs: for each state one whose time has come, one whose time is this moment, and one for later
select submit(job_id => pg_temp.id(n), next_need => 'du.scheduled', available_at => now() + interval '1 h') from generate_series(11, 13) as n;
select submit(job_id => pg_temp.id(n), next_need => 'du.blocked', wait_for => array[pg_temp.id(13)]) from generate_series(21, 23) as n;
select submit(job_id => pg_temp.id(n), next_need => 'du.dead') from generate_series(31, 33) as n;
select fail_unheld(job_id => pg_temp.id(n), actor => 'a', error => 'e', retryable => false) from generate_series(31, 33) as n;
select submit(job_id => pg_temp.id(n), next_need => 'du.ready') from generate_series(41, 43) as n;
select submit(job_id => pg_temp.id(n), next_need => 'du.keyed', singleton_key => 'k' || n) from generate_series(51, 53) as n;
select submit(job_id => pg_temp.id(n), next_need => 'du.leased') from generate_series(61, 63) as n;
select count(*) from get_work(worker_id => 'w', capabilities => '{du.leased}', limit_jobs => 3);
-- 61 has expired; 62 was extended, but its check_at has passed; 63 is current
update leased set check_at = :'moment'::timestamptz - interval '1 ms', leased_at = :'moment'::timestamptz - interval '2 ms',
    lease_expires_at = :'moment'::timestamptz - interval '1 ms' where job_id in (pg_temp.id(61), pg_temp.id(62));
insert into heartbeat (fence, job_id, extended_at, lease_expires_at)
select j.fence, j.job_id, :'moment'::timestamptz - interval '2 min', :'moment'::timestamptz + interval '1 min' from leased as j where j.job_id = pg_temp.id(62);

-- promote ----------------------------------------------------------------------------------------

update job set available_at = :'moment'::timestamptz + case pg_temp.number(job_id::text) % 10 when 1 then interval '-1 s' when 2 then interval '0' else interval '1 us' end
where pg_temp.number(job_id::text) < 60;
select set_eq(format($$ select pg_temp.number(pg_temp.due('promote', %L)) $$, :'moment'), '{11,12}'::integer[], 'scheduled jobs are due from their time on');
select set_eq(format($$ select pg_temp.number(pg_temp.still_due('promote', %L)) $$, :'moment'), '{11,12}'::integer[], '_lock_still_due agrees');

-- reclaim ----------------------------------------------------------------------------------------

select set_eq(format($$ select pg_temp.number(pg_temp.due('reclaim', %L)) $$, :'moment'), '{61}'::integer[], 'an expired lease is due, one that was extended is not');
select set_eq(format($$ select pg_temp.number(pg_temp.still_due('reclaim', %L)) $$, :'moment'), '{61}'::integer[], '_lock_still_due agrees');
delete from heartbeat where job_id = pg_temp.id(62);
select set_eq(format($$ select pg_temp.number(pg_temp.due('reclaim', %L)) $$, :'moment'), '{61,62}'::integer[], 'without the extension both leases are due');
select set_eq(format($$ select pg_temp.number(pg_temp.still_due('reclaim', %L)) $$, :'moment'), '{61,62}'::integer[], '_lock_still_due agrees');

-- expire -----------------------------------------------------------------------------------------

select is_empty(format($$ select pg_temp.due('expire', %L) $$, :'moment'), 'a job without expires_at never expires');
select is_empty(format($$ select pg_temp.still_due('expire', %L) $$, :'moment'), '_lock_still_due agrees');
update job set expires_at = :'moment'::timestamptz + case pg_temp.number(job_id::text) % 10 when 1 then interval '-1 s' when 2 then interval '0' else interval '1 us' end;
select set_eq(format($$ select pg_temp.number(pg_temp.due('expire', %L)) $$, :'moment'), '{11,12,21,22,41,42,51,52}'::integer[],
    'jobs that could still start are due from their expires_at on; dead and leased ones are not');
select set_eq(format($$ select pg_temp.number(pg_temp.still_due('expire', %L)) $$, :'moment'), '{11,12,21,22,41,42,51,52}'::integer[],
    '_lock_still_due agrees');

-- heartbeats -------------------------------------------------------------------------------------

insert into heartbeat (fence, job_id, extended_at, lease_expires_at)
select j.fence, j.job_id, :'moment'::timestamptz - interval '2 min', :'moment'::timestamptz from leased as j where j.job_id = pg_temp.id(63)
union all
select v.fence, pg_temp.id(63), :'moment'::timestamptz - v.age, :'moment'::timestamptz
from (values (-1, interval '2 min'), (-2, interval '59 s'), (-3, interval '1 min')) as v (fence, age);
select set_eq(format($$ select pg_temp.due('heartbeats', %L) $$, :'moment'), '{-1}'::text[], 'heartbeats are due more than a minute after their lease stopped being current');
select set_eq(format($$ select pg_temp.still_due('heartbeats', %L) $$, :'moment'), '{-1}'::text[], '_lock_still_due agrees');

-- registrations ----------------------------------------------------------------------------------

insert into waiter (channel, stem, until)
select v.channel, 'du', :'moment'::timestamptz - v.age
from (values ('over', interval '2 min'), ('recent', interval '59 s'), ('limit', interval '1 min'), ('current', interval '-1 min')) as v (channel, age);
select set_eq(format($$ select channel from waiter where ctid::text in (select pg_temp.due('waiters', %L)) $$, :'moment'), '{over}'::text[],
    'registrations are due more than a minute after their end');
select set_eq(format($$ select channel from waiter where ctid::text in (select pg_temp.still_due('waiters', %L)) $$, :'moment'), '{over}'::text[],
    '_lock_still_due agrees');
-- a place that an earlier call named and that another registration has now
select is(_lock_still_due('waiters', array(select ctid::text from waiter where channel = 'current'), :'moment'), null,
    'a registration that took the place of another is not due');

select * from finish();
rollback;
