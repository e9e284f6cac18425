-- extend_many: extend for all the leases of a worker.

begin;
select plan(39);
\ir ../include/support.sql
\ir ../include/named.sql

-- The leases of these names, as the argument.
create function pg_temp.hand(variadic names text[]) returns jsonb language sql as $hand$
    select jsonb_agg(jsonb_build_object('job_id', pg_temp.job(n.name), 'lease_id', pg_temp.lease(n.name)) order by n.ordinality)
    from unnest(names) with ordinality as n (name, ordinality);
$hand$;

-- Behaviour ---------------------------------------------------------------------------------------

select count(pg_temp.held(n)) from unnest('{one,two,three}'::text[]) as n \gset
create temporary table said as select e.* from extend_many(leases => pg_temp.hand('one', 'two'), lease => '10 minutes') as e;
select set_eq(
    'select s.job_id, s.lease_id, s.ok, s.error_code, s.message, s.detail, s.hint from said as s',
    $$
        select pg_temp.job(n), pg_temp.lease(n), true, null::text as code, null::text as message, null::text as detail, null::text as hint
        from unnest('{one,two}'::text[]) as n
    $$,
    'every current lease is answered ok, in a row of its own'
);
select ok(
    (select bool_and(s.lease_expires_at - clock_timestamp() between interval '595 s' and interval '600 s') from said as s),
    'each row has the new end, counted from now'
);
select set_eq(
    'select i.job_id, i.lease_expires_at, i.state from said as s, job(s.job_id) as i',
    $$ select s.job_id, s.lease_expires_at, 'leased' from said as s $$,
    'it is the end that the job shows'
);
select cmp_ok(
    (job(pg_temp.job('three'))).lease_expires_at, '<', clock_timestamp() + interval '61 s', 'a lease that is not in the list is unchanged'
);
create temporary table shorter as select e.* from extend_many(pg_temp.hand('one', 'three')) as e;
select is(
    (select s.lease_expires_at from shorter as s where s.job_id = pg_temp.job('one')),
    (select s.lease_expires_at from said as s where s.job_id = pg_temp.job('one')),
    'no end moves to an earlier time'
);
select ok(
    (select s.lease_expires_at - clock_timestamp() between interval '55 s' and interval '60 s' from shorter as s where s.job_id = pg_temp.job('three')),
    'the default lease is one minute'
);
select is_empty($$ select * from extend_many('[]') $$, 'an empty list is answered by no rows');
select is((select count(*) from extend_many(pg_temp.hand('one', 'one')) as e where e.ok), 2::bigint, 'a lease named twice is answered twice');
select pg_temp.run_out(pg_temp.job('two')) \gset
select ok((select e.ok from extend_many(pg_temp.hand('two')) as e), 'an expired lease that nobody has reclaimed can be extended');
select sweep() \gset
select is(pg_temp.state_of('two'), 'leased', 'after that it is not reclaimed');

-- Leases that are not current do not spoil the others ---------------------------------------------------

select count(pg_temp.held(n)) from unnest('{good,done,stop,cancelled,buried}'::text[]) as n \gset
select pg_temp.lost('lost') \gset
select pg_temp.queued('queued') \gset
update pg_temp.known set lease_id = gen_random_uuid() where name = 'queued';
insert into pg_temp.known values ('nobody', gen_random_uuid(), gen_random_uuid());
select complete(pg_temp.job('done'), pg_temp.lease('done')) \gset
select cancel(pg_temp.job('stop'), 'operator') \gset
select cancel(pg_temp.job('cancelled'), 'operator') \gset
select release(pg_temp.job('cancelled'), pg_temp.lease('cancelled')) \gset
select fail(pg_temp.job('buried'), pg_temp.lease('buried'), 'no', false) \gset
create temporary table mixed as
select e.* from extend_many(pg_temp.hand('lost', 'good', 'queued', 'nobody', 'stop', 'cancelled', 'done', 'buried'), '20 minutes') as e;
select set_eq(
    'select k.name, m.ok, m.error_code from mixed as m join pg_temp.known as k using (job_id, lease_id)',
    $$
        values
        ('lost', false, 'LH001'), ('good', true, null::text), ('queued', false, 'LH002'), ('nobody', false, 'LH003'), ('stop', false, 'LH007'),
        ('cancelled', false, 'LH007'), ('done', false, 'LH008'), ('buried', false, 'LH008')
    $$,
    'each lease that is not current is answered with its own code'
);
select is_empty(
    $$
        select from mixed as m
        where not m.ok and (
            coalesce(m.message, '') = '' or coalesce(m.hint, '') = '' or (m.detail::jsonb ->> 'job_id')::uuid <> m.job_id or m.lease_expires_at is not null
        )
    $$,
    'each has its message, detail and hint, and no end'
);
select cmp_ok(
    (job(pg_temp.job('good'))).lease_expires_at, '>', clock_timestamp() + interval '19 minutes', 'the current lease among them is extended'
);
select cmp_ok(
    (job(pg_temp.job('stop'))).lease_expires_at, '<', clock_timestamp() + interval '2 minutes', 'the one whose cancellation was requested is not'
);
select pg_temp.changes_nothing(
    $$ select extend_many(pg_temp.hand('lost', 'queued', 'nobody', 'stop', 'cancelled', 'done', 'buried'), '20 minutes') $$,
    'a lease that is answered with a code changes no row'
);
select results_eq(
    $$
        select e.ok, e.error_code
        from extend_many(jsonb_build_array(jsonb_build_object('job_id', pg_temp.job('good'), 'lease_id', pg_temp.lease('one')))) as e
    $$,
    $$ values (false, 'LH002') $$,
    'the lease of another job is not a lease of this one, though both are current'
);

select pg_temp.lost('again') \gset
create temporary table old_lease as select pg_temp.hand('again') -> 0 as element;
select pg_temp.is_due(pg_temp.job('again')) \gset
select pg_temp.take('again') \gset
select set_eq(
    $$
        select e.lease_id = pg_temp.lease('again'), e.ok, e.error_code
        from old_lease as o, extend_many(jsonb_build_array(pg_temp.hand('again') -> 0, o.element)) as e
    $$,
    $$ values (true, true, null), (false, false, 'LH001') $$,
    'with an earlier lease beside the current one of the same job, the current is ok and the earlier is LH001'
);

-- Arguments -------------------------------------------------------------------------------------------------

select pg_temp.refused(format('select extend_many(%L)', v.leases), 'LH010', v.test || ': LH010')
from (values
    (null, 'null leases'),
    ('null', 'a JSON null'),
    ('{}', 'an object'),
    ('"x"', 'a text'),
    ('[1]', 'a number as an element'),
    ('[null]', 'a null as an element'),
    ('[[]]', 'an array as an element'),
    ('[{}]', 'an empty object as an element'),
    (format('[{"job_id": "%s"}]', gen_random_uuid()), 'no lease_id'),
    (format('[{"lease_id": "%s"}]', gen_random_uuid()), 'no job_id'),
    (format('[{"job_id": null, "lease_id": "%s"}]', gen_random_uuid()), 'a job_id of null'),
    (format('[{"job_id": "", "lease_id": "%s"}]', gen_random_uuid()), 'an empty job_id'),
    (format('[{"job_id": "x", "lease_id": "%s"}]', gen_random_uuid()), 'a job_id that is not a uuid'),
    (format('[{"job_id": 5, "lease_id": "%s"}]', gen_random_uuid()), 'a job_id that is a number'),
    (format('[{"job_id": "%s", "lease_id": "x"}]', gen_random_uuid()), 'a lease_id that is not a uuid'),
    ((select jsonb_agg(pg_temp.hand('good') -> 0) from generate_series(1, 1001))::text, 'more than a thousand')
) as v (leases, test);
select pg_temp.refused(
    format($$ select extend_many(pg_temp.hand('good') || '[{"job_id": "%s"}]') $$, pg_temp.job('one')), 'LH010',
    'one element that cannot be read makes the call fail'
);
select pg_temp.refused(format($$ select extend_many(pg_temp.hand('good'), %s) $$, v.lease), 'LH010', v.test || ': LH010')
from (values
    ($$ '0 s' $$, 'a lease of zero'),
    ($$ '-1 s' $$, 'a negative lease'),
    ($$ '7 days 1 microsecond' $$, 'a lease above the setting max_lease'),
    (case when current_setting('server_version_num')::integer >= 170000 then $$ 'infinity' $$ else $$ '170000000 years' $$ end, 'an infinite lease')
) as v (lease, test);
select is(
    (select count(*) from extend_many((select jsonb_agg(pg_temp.hand('good') -> 0) from generate_series(1, 1000))) as e where e.ok), 1000::bigint,
    'a thousand elements are accepted'
);

select * from finish();
rollback;
