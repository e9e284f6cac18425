-- submit_many: records many jobs, all or none.

begin;
select plan(117);
\ir ../include/support.sql
\ir ../include/named.sql

-- Behaviour --------------------------------------------------------------------------------------------

create temporary table said as
select s.*, row_number() over () as nth
from submit_many(jobs => '[
    {"next_need": "many.c", "payload": {"n": 1}},
    {"next_need": "many.b", "priority": 5, "available_at": "2100-01-01T00:00:00Z"},
    {"next_need": "many.a", "job_id": "00000000-0000-7000-8000-000000000001"}
]') as s;
select results_eq(
    'select i.next_need, s.created, s.state, i.payload, i.priority from said as s, job(s.job_id) as i order by s.nth',
    $$
        values
        ('many.c', true, 'ready', jsonb '{"n": 1}', 100), ('many.b', true, 'scheduled', '{}', 5), ('many.a', true, 'ready', '{}', 100)
    $$,
    'it returns one row per element, in order'
);
select is((select s.job_id from said as s where s.nth = 3), pg_temp.id(1), 'each row has the given id');
select is((select s.available_at from said as s where s.nth = 2), '2100-01-01 00:00+00', 'each row has the given time');
select is((select count(distinct s.job_id) from said as s), 3::bigint, 'every job has its own id');
select is_empty($$ select * from submit_many('[]') $$, 'an empty list is answered by no rows');

create temporary table full_one as
select s.*
from submit_many(jsonb_build_array(jsonb_build_object(
    'next_need', 'many.full', 'payload', '{"n": [1, "é", null]}'::jsonb, 'job_id', pg_temp.id(2), 'wait_for', jsonb_build_array(pg_temp.id(1)),
    'singleton_key', 'customer 7', 'idempotency_key', 'invoice 9', 'priority', 0, 'available_at', '2100-01-01T00:00:00Z',
    'expires_at', '2101-01-01T00:00:00Z', 'max_attempts', 9, 'retry', '{"kind": "fixed"}'::jsonb, 'on_dependency_failure', 'cascade',
    'metadata', '{"trace": "t"}'::jsonb, 'submitted_by', 'a producer'
))) as s;
select results_eq(
    $$
        select
            i.job_id, i.state, i.next_need, i.payload, i.wait_for, i.priority, i.available_at, i.expires_at, i.max_attempts, i.retry,
            i.singleton_key, i.idempotency_key, i.metadata, i.on_dependency_failure, i.submitted_by
        from job(pg_temp.id(2)) as i
    $$,
    $$
        values (
            pg_temp.id(2), 'blocked', 'many.full', jsonb '{"n": [1, "é", null]}', array[pg_temp.id(1)], 0, timestamptz '2100-01-01 00:00+00',
            timestamptz '2101-01-01 00:00+00', 9, jsonb '{"kind": "fixed"}', 'customer 7', 'invoice 9', jsonb '{"trace": "t"}', 'cascade',
            'a producer'
        )
    $$,
    'the keys of an element are the parameters of submit, all of them'
);
create temporary table bare as select s.* from submit_many('[{"next_need": "many.bare"}]') as s;
create temporary table alone as select s.* from submit('many.bare') as s;
select results_eq(
    $$
        select
            i.state, i.payload, i.priority, i.max_attempts, i.expires_at, i.submitted_by, i.singleton_key, i.idempotency_key, i.metadata, i.wait_for,
            i.on_dependency_failure, i.retry
        from bare as b, job(b.job_id) as i
    $$,
    $$
        select
            i.state, i.payload, i.priority, i.max_attempts, i.expires_at, i.submitted_by, i.singleton_key, i.idempotency_key, i.metadata, i.wait_for,
            i.on_dependency_failure, i.retry
        from alone as b, job(b.job_id) as i
    $$,
    'keys that are left out have the defaults of submit'
);
create temporary table nulls as
select s.*
from submit_many('[{
    "next_need": "many.nulls", "job_id": null, "singleton_key": null, "idempotency_key": null, "available_at": null, "expires_at": null,
    "max_attempts": null, "retry": null, "submitted_by": null
}]') as s;
select results_eq(
    'select s.created, i.available_at <= clock_timestamp(), i.singleton_key, i.max_attempts from nulls as s, job(s.job_id) as i',
    $$ values (true, true, null::text, 3) $$,
    'null is accepted where submit accepts it'
);

-- Elements with dependencies on each other ------------------------------------------------------------------

create temporary table chain as
select s.*, row_number() over () as nth
from submit_many(jsonb_build_array(
    jsonb_build_object('next_need', 'chain.c', 'job_id', pg_temp.id(12), 'wait_for', jsonb_build_array(pg_temp.id(11), pg_temp.id(10))),
    jsonb_build_object('next_need', 'chain.b', 'job_id', pg_temp.id(11), 'wait_for', jsonb_build_array(pg_temp.id(10))),
    jsonb_build_object('next_need', 'chain.a', 'job_id', pg_temp.id(10)),
    jsonb_build_object('next_need', 'chain.d', 'wait_for', jsonb_build_array(pg_temp.id(12), pg_temp.id(1)))
)) as s;
select results_eq(
    'select s.state from chain as s order by s.nth', $$ values ('blocked'), ('blocked'), ('ready'), ('blocked') $$,
    'elements may wait for each other in any order, and for other jobs'
);
select complete(w.job_id, w.lease_id) from get_work('worker', '{chain.%}') as w \gset
select complete(w.job_id, w.lease_id) from get_work('worker', '{chain.%}') as w \gset
select results_eq(
    $$ select s.nth, (job(s.job_id)).state from chain as s order by s.nth $$,
    $$ values (1::bigint, 'ready'), (2, 'succeeded'), (3, 'succeeded'), (4, 'blocked') $$,
    'they run one after the other'
);
select cancel((submit('dies', job_id => pg_temp.id(22))).job_id, 'test') \gset
select results_eq(
    $$
        select s.state
        from submit_many(jsonb_build_array(
            jsonb_build_object('next_need', 'dies', 'job_id', pg_temp.id(21), 'wait_for', jsonb_build_array(pg_temp.id(20))),
            jsonb_build_object('next_need', 'dies', 'job_id', pg_temp.id(20), 'wait_for', jsonb_build_array(pg_temp.id(22)))
        )) as s
    $$,
    $$ values ('blocked'), ('dead') $$,
    'an element that its dependency policy kills is dead at once'
);
select is((job(pg_temp.id(21))).state, 'blocked', 'an element with hold on it waits for its redrive');

-- Cycles ------------------------------------------------------------------------------------------------------

create function pg_temp.waits(n integer, variadic wait_for integer[]) returns jsonb language sql as $waits$
    select jsonb_build_object('next_need', 'cycle', 'job_id', pg_temp.id(n), 'wait_for', array(select pg_temp.id(w) from unnest(wait_for) as w));
$waits$;
select pg_temp.refused($$ select submit_many(jsonb_build_array(pg_temp.waits(30, 30))) $$, 'LH004', 'an element that waits for itself: LH004');
select pg_temp.refused(
    $$ select submit_many(jsonb_build_array(pg_temp.waits(30, 31), pg_temp.waits(31, 30))) $$, 'LH004', 'two elements that wait for each other: LH004'
);
select pg_temp.refused(
    $$
        select submit_many(
            jsonb_build_array('{"next_need": "cycle"}'::jsonb, pg_temp.waits(30, 31), pg_temp.waits(31, 32, 1), pg_temp.waits(32, 33), pg_temp.waits(33, 30))
        )
    $$,
    'LH004', 'a cycle of four among others: LH004'
);
select pg_temp.refused(
    $$ select submit_many(jsonb_build_array(pg_temp.waits(30, 1), pg_temp.waits(31, 39))) $$, 'LH004', 'behind an unknown job: LH004'
);
select is(
    (select count(*) from submit_many(jsonb_build_array(pg_temp.waits(33, 31, 32), pg_temp.waits(31, 30), pg_temp.waits(32, 30), pg_temp.waits(30, 1)))),
    4::bigint, 'a diamond is not a cycle'
);
select is(
    (
        select count(*)
        from submit_many((
            select jsonb_agg(pg_temp.waits(n, n + 1) order by n) || jsonb_build_array('{"next_need": "cycle"}'::jsonb || jsonb_build_object('job_id', pg_temp.id(2000)))
            from generate_series(1000, 1999) as n
        ))
    ),
    1001::bigint, 'nor is a chain of a thousand, last first'
);

-- Keys and ids -----------------------------------------------------------------------------------------------------

create temporary table again as
select s.*, row_number() over () as nth
from submit_many(jsonb_build_array(
    '{"next_need": "many.once", "idempotency_key": "k1"}'::jsonb,
    '{"next_need": "many.once", "idempotency_key": "k1"}'::jsonb,
    jsonb_build_object('next_need', 'many.once', 'idempotency_key', 'k2', 'job_id', pg_temp.id(40)),
    jsonb_build_object('next_need', 'many.twice', 'wait_for', jsonb_build_array(pg_temp.id(40)))
)) as s;
select results_eq(
    'select s.created, s.job_id = first_value(s.job_id) over (order by s.nth), s.state from again as s order by s.nth',
    $$ values (true, true, 'ready'), (false, true, 'ready'), (true, false, 'ready'), (true, false, 'blocked') $$,
    'a key that occurs twice in one call is one job'
);
select is(
    (select count(*) from job as j where (j.options).idempotency_key = 'k1'), 1::bigint, 'it is one row in the table, too'
);
select pg_temp.answers(
    $$
        select s.created, s.job_id, s.state
        from submit_many(jsonb_build_array(
            jsonb_build_object('next_need', 'many.same', 'idempotency_key', 'k3', 'job_id', pg_temp.id(41)),
            jsonb_build_object('next_need', 'many.after', 'wait_for', jsonb_build_array(pg_temp.id(41)), 'job_id', pg_temp.id(42)),
            jsonb_build_object('next_need', 'many.same', 'idempotency_key', 'k3', 'job_id', pg_temp.id(41))
        )) as s
    $$,
    $$ values (true, pg_temp.id(41), 'ready'), (true, pg_temp.id(42), 'blocked'), (false, pg_temp.id(41), 'ready') $$,
    'a key that occurs twice, with an id, is one job, and another element may wait for it'
);
select pg_temp.refused(
    $$
        select submit_many('[
            {"next_need": "many.same", "idempotency_key": "k4"}, {"next_need": "many.other", "idempotency_key": "k4"}
        ]')
    $$,
    'LH006', 'a key that occurs twice in one call for different requests: LH006'
);
select results_eq(
    $$
        select s.created, s.job_id
        from submit_many(jsonb_build_array(
            '{"next_need": "many.once", "idempotency_key": "k1"}'::jsonb,
            jsonb_build_object('next_need', 'many.once', 'idempotency_key', 'k2', 'job_id', pg_temp.id(40))
        )) as s
    $$,
    $$ select false, a.job_id from again as a where a.nth in (1, 3) order by a.nth $$,
    'a repeated call returns the first jobs, in order'
);
create temporary table fanned as
select s.*, row_number() over () as nth
from submit_many(jsonb_build_array(
    jsonb_build_object('next_need', 'many.twice', 'wait_for', jsonb_build_array(pg_temp.id(40))),
    jsonb_build_object('next_need', 'many.once', 'idempotency_key', 'k2', 'job_id', pg_temp.id(40))
)) as s;
select results_eq(
    $$ select w.waits_for from fanned as f, why_not_running(f.job_id) as w where f.nth = 1 $$, $$ values (pg_temp.id(40)) $$,
    'waiting for an element whose key is known means waiting for the first job of the key'
);
select pg_temp.refused(
    $$ select submit_many('[{"next_need": "many.new"}, {"next_need": "many.other", "idempotency_key": "k1"}]') $$, 'LH006',
    'a key that was used for another request: LH006, and none of the others stays'
);
select pg_temp.refused(
    $$ select submit_many(jsonb_build_array(pg_temp.waits(50, 1), pg_temp.waits(50, 1))) $$, 'LH005', 'an id that occurs twice in one call: LH005'
);
select pg_temp.refused(
    $$ select submit_many(jsonb_build_array('{"next_need": "many.new"}'::jsonb, pg_temp.waits(1, 2))) $$, 'LH005',
    'an id that was used before: LH005, and none of the others stays'
);
select results_eq(
    $$ select s.state from submit_many('[{"next_need": "many.k", "singleton_key": "k"}, {"next_need": "many.k", "singleton_key": "k"}]') as s $$,
    $$ values ('ready'), ('ready') $$,
    'two elements with one singleton key are two jobs'
);
select is((select count(*) from get_work('worker', '{many.k}', limit_jobs => 2)), 1::bigint, 'one of the two can be leased');

select submit('many.q', singleton_key => 'q2', priority => 9) \gset
select count(*) from submit_many('[
    {"next_need": "many.q", "singleton_key": "q1", "priority": 5}, {"next_need": "many.q", "singleton_key": "q1", "priority": 7},
    {"next_need": "many.q", "singleton_key": "q1", "priority": 3}, {"next_need": "many.q", "singleton_key": "q1", "priority": 4},
    {"next_need": "many.r", "singleton_key": "q1"}, {"next_need": "many.q", "singleton_key": "q2"},
    {"next_need": "many.q", "singleton_key": "q3", "available_at": "2100-01-01T00:00:00Z"}, {"next_need": "many.q", "singleton_key": "q3"},
    {"next_need": "many.q"}
]') \gset
select results_eq(
    $$ select j.parked from job as j where j.next_need in ('many.q', 'many.r') order by j.number offset 1 $$,
    $$ values (false), (true), (false), (true), (false), (true), (false), (false), (false) $$,
    'a job that would stand behind another of its key, of the batch or not, is parked'
);
select results_eq(
    $$ select n.singleton_key collate "default" from deferred as n where n.kind = 'key' and n.singleton_key is distinct from 'k' order by 1 $$, $$ values ('q1'), ('q2') $$,
    'each key has a deferred item'
);
select results_eq(
    $$
        select s.created, s.state
        from submit_many(jsonb_build_array(
            jsonb_build_object('next_need', 'many.mixed', 'job_id', pg_temp.id(60), 'expires_at', '2100-01-01T00:00:00Z', 'available_at', '2101-01-01T00:00:00Z'),
            jsonb_build_object('next_need', 'many.mixed', 'wait_for', jsonb_build_array(pg_temp.id(60)), 'on_dependency_failure', 'cascade'),
            jsonb_build_object('next_need', 'many.mixed', 'wait_for', jsonb_build_array(pg_temp.id(22)), 'on_dependency_failure', 'cascade'),
            jsonb_build_object('next_need', 'many.mixed', 'wait_for', jsonb_build_array(pg_temp.id(11))),
            jsonb_build_object('next_need', 'many.once', 'idempotency_key', 'k1'),
            jsonb_build_object('next_need', 'many.mixed', 'available_at', '2100-01-01T00:00:00Z')
        )) as s
    $$,
    $$ values (true, 'dead'), (true, 'blocked'), (true, 'cancelled'), (true, 'ready'), (false, 'ready'), (true, 'scheduled') $$,
    'one call can have elements of all kinds, each treated as by submit'
);
create temporary table rows_of as
select s.*, row_number() over () as nth
from submit_many((
    select jsonb_agg(jsonb_build_object('next_need', 'many.row', 'payload', jsonb_build_object('n', n)) order by n) from generate_series(1, 300) as n
)) as s;
select is_empty(
    $$
        select r.nth from rows_of as r join job as j using (job_id)
        where j.payload <> jsonb_build_object('n', r.nth) or j.number <> (select min(n.number) - 1 + r.nth from job as n where n.next_need = 'many.row')
    $$,
    'answers are in the order of the elements, each with the id of its own job, and so are their places in the queue'
);

-- Purged jobs leave their keys and ids: they are free again, once
select submit('many.purged', job_id => pg_temp.id(90), idempotency_key => 'p1'), submit('many.purged', idempotency_key => 'p2') \gset
select count(cancel(j.job_id, 'test')) from job as j where j.next_need = 'many.purged' \gset
delete from archive as a where a.next_need = 'many.purged';
select results_eq(
    $$
        select s.created, s.job_id = pg_temp.id(90), s.job_id = first_value(s.job_id) over (order by s.nth), s.state
        from (
            select m.*, row_number() over () as nth
            from submit_many(jsonb_build_array(
                '{"next_need": "many.purged", "idempotency_key": "p1", "payload": {"n": 1}}'::jsonb,
                '{"next_need": "many.purged", "idempotency_key": "p1", "payload": {"n": 1}}'::jsonb,
                '{"next_need": "many.purged", "idempotency_key": "p2"}'::jsonb,
                jsonb_build_object('next_need', 'many.purged', 'job_id', pg_temp.id(90))
            )) as m
        ) as s
        order by s.nth
    $$,
    $$ values (true, false, true, 'ready'), (false, false, true, 'ready'), (true, false, false, 'ready'), (true, true, false, 'ready') $$,
    'keys and ids of purged jobs make new jobs; a key that occurs twice in one call is one of them'
);
select count(cancel(j.job_id, 'test')) from job as j where j.next_need = 'many.purged' \gset
delete from archive as a where a.next_need = 'many.purged';
select pg_temp.refused(
    $$
        select submit_many(jsonb_build_array(
            jsonb_build_object('next_need', 'many.purged', 'job_id', pg_temp.id(90)), jsonb_build_object('next_need', 'many.purged', 'job_id', pg_temp.id(90))
        ))
    $$,
    'LH005', 'the id of a purged job, twice in one call: LH005'
);

-- Arguments ------------------------------------------------------------------------------------------------------------

select pg_temp.refused(format('select submit_many(%L)', v.jobs), 'LH010', v.test || ': LH010')
from (values
    (null, 'null jobs'),
    ('null', 'a JSON null'),
    ('{}', 'an object'),
    ('"x"', 'a text'),
    ('1', 'a number'),
    ('[1]', 'a number as an element'),
    ('[null]', 'a null as an element'),
    ('[[]]', 'a list as an element'),
    ('[[{"next_need": "a"}]]', 'a list of lists'),
    ((select jsonb_agg(jsonb '{"next_need": "a"}') from generate_series(1, 10001))::text, 'more than ten thousand')
) as v (jobs, test);
create temporary table wrong (element text, code text, test text);
insert into wrong values
('{}', 'LH010', 'an empty object'),
('{"need": "a"}', 'LH010', 'an unknown key'),
('{"next_need": "a", "known": []}', 'LH010', 'an unknown key beside known ones'),
('{"NEXT_NEED": "a"}', 'LH010', 'a key in capitals'),
('{"next_need": null}', 'LH010', 'an element without a need'),
('{"next_need": ""}', 'LH010', 'an empty need'),
('{"next_need": "a b"}', 'LH010', 'a need with a space'),
('{"next_need": "a.%"}', 'LH010', 'a prefix'),
('{"next_need": {}}', 'LH010', 'a need that is an object'),
('{"next_need": ["a"]}', 'LH010', 'a need that is a list'),
('{"next_need": "a", "singleton_key": ["k"]}', 'LH010', 'a singleton_key that is a list'),
('{"next_need": "a", "payload": []}', 'LH010', 'a payload that is a list'),
('{"next_need": "a", "payload": "x"}', 'LH010', 'a payload that is a text'),
('{"next_need": "a", "metadata": 1}', 'LH010', 'metadata that are a number'),
('{"next_need": "a", "job_id": "x"}', 'LH010', 'a job_id that is not a uuid'),
('{"next_need": "a", "job_id": 1}', 'LH010', 'a job_id that is a number'),
('{"next_need": "a", "wait_for": "00000000-0000-7000-8000-000000000001"}', 'LH010', 'a wait_for that is a text'),
('{"next_need": "a", "wait_for": {}}', 'LH010', 'a wait_for that is an object'),
('{"next_need": "a", "wait_for": ["x"]}', 'LH010', 'a wait_for of a text that is not a uuid'),
('{"next_need": "a", "wait_for": [null]}', 'LH010', 'a null in wait_for'),
('{"next_need": "a", "wait_for": [["00000000-0000-7000-8000-000000000001"]]}', 'LH010', 'a wait_for of two dimensions'),
('{"next_need": "a", "wait_for": ["00000000-0000-7000-8000-00000000ffff"]}', 'LH004', 'waiting for an unknown job'),
('{"next_need": "a", "singleton_key": ""}', 'LH010', 'an empty singleton_key'),
('{"next_need": "a", "idempotency_key": ""}', 'LH010', 'an empty idempotency_key'),
('{"next_need": "a", "priority": 1000}', 'LH010', 'a priority above 999'),
('{"next_need": "a", "priority": 1.5}', 'LH010', 'a fractional priority'),
('{"next_need": "a", "priority": "high"}', 'LH010', 'a priority that is not a number'),
('{"next_need": "a", "priority": 99999999999}', 'LH010', 'a priority that is too large for an integer'),
('{"next_need": "a", "available_at": "infinity"}', 'LH010', 'an infinite available_at'),
('{"next_need": "a", "available_at": "later"}', 'LH010', 'an available_at that is not a time'),
('{"next_need": "a", "available_at": []}', 'LH010', 'an available_at that is a list'),
('{"next_need": "a", "available_at": "2126-02-30T12:00:00Z"}', 'LH010', 'a date that does not exist'),
('{"next_need": "a", "expires_at": 1700000000}', 'LH010', 'an expires_at that is a number'),
('{"next_need": "a", "expires_at": "2001-01-01T00:00:00Z"}', 'LH010', 'an expires_at that has passed'),
('{"next_need": "a", "expires_at": "-infinity"}', 'LH010', 'an expires_at of minus infinity'),
('{"next_need": "a", "max_attempts": 0}', 'LH010', 'a max_attempts of zero'),
('{"next_need": "a", "max_attempts": true}', 'LH010', 'a max_attempts that is not a number'),
('{"next_need": "a", "retry": "often"}', 'LH010', 'a policy that is a text'),
('{"next_need": "a", "retry": {"kind": "never"}}', 'LH010', 'a policy of an unknown kind'),
('{"next_need": "a", "on_dependency_failure": "ignore"}', 'LH010', 'an unknown on_dependency_failure'),
('{"next_need": "a", "submitted_by": ""}', 'LH010', 'an empty submitted_by'),
(jsonb_build_object('next_need', repeat('x', 201))::text, 'LH010', 'a need that is too long'),
(jsonb_build_object('next_need', 'a', 'singleton_key', repeat('x', 1001))::text, 'LH010', 'a singleton_key that is too long'),
(jsonb_build_object('next_need', 'a', 'payload', jsonb_build_object('x', repeat('x', 1048576)))::text, 'LH011', 'a payload that is too large'),
(jsonb_build_object('next_need', 'a', 'metadata', jsonb_build_object('x', repeat('x', 1048576)))::text, 'LH011', 'metadata that are too large');
select pg_temp.refused(
    format($$ select submit_many('[{"next_need": "many.good"}, %s]') $$, replace(w.element, '''', '''''')), w.code,
    format('after a good element, %s: %s', w.test, w.code)
)
from wrong as w;
-- times without an offset, which would depend on the time zone of the session or on the present day
create temporary table loose as
select t.time
from unnest('{"2026-11-29T12:00:00","2026-11-29 12:00","2026-11-29","20261129T120000Z","29.11.2126 12:00+01","2126-11-29 12:00 Europe/Berlin","2126-11-29 12:00 CET","now","tomorrow","epoch",""}'::text[]) as t (time);
select pg_temp.refused(
    format($$ select submit_many('[{"next_need": "a", %s: %s}]') $$, to_json(k.key), to_json(l.time)), 'LH010',
    format('%s that is %s: LH010', k.key, to_json(l.time))
)
from loose as l
cross join unnest('{available_at,expires_at}'::text[]) as k (key);
select is(
    pg_temp.detail_of($$ select submit_many('[{"next_need": "a"}, {"next_need": "a", "expires_at": "2126-11-29T12:00:00"}]') $$),
    '{"argument": "jobs[1].expires_at"}', 'the DETAIL names the element and its key'
);
set local timezone = 'Asia/Kolkata';
set local datestyle = 'SQL, DMY';
select results_eq(
    $$
        select s.available_at
        from jsonb_array_elements_text('[
            "2126-11-29T12:00:00Z", "2126-11-29T12:00:00+00:00", "2126-11-29 12:00:00.000000+00", "2126-11-29t13:00z", "2126-11-29T12:00:00.123456789Z",
            "2126-11-29T17:30:00+0530", "2126-11-29 04:00:00-08"
        ]') with ordinality as t (time, nth)
        cross join lateral submit_many(jsonb_build_array(jsonb_build_object('next_need', 'many.timed', 'available_at', t.time))) as s
        order by t.nth
    $$,
    $$
        values
            (timestamptz '2126-11-29 12:00:00+00'), ('2126-11-29 12:00:00+00'), ('2126-11-29 12:00:00+00'), ('2126-11-29 13:00:00+00'),
            ('2126-11-29 12:00:00.123457+00'), ('2126-11-29 12:00:00+00'), ('2126-11-29 12:00:00+00')
    $$,
    'times with an offset are accepted, and mean the same in every session'
);
reset timezone;
reset datestyle;
select job_id as unlimited from submit_many('[{"next_need": "many.unlimited", "expires_at": "infinity"}]') \gset
select is((job(:'unlimited')).expires_at, null, 'an expires_at of infinity counts as none');
select set_eq(
    $$
        select w.test
        from wrong as w
        where coalesce(
            pg_temp.detail_of(format($d$ select submit_many('[{"next_need": "many.good"}, %s]') $d$, replace(w.element, '''', ''''''))) ->> 'argument', ''
        ) not like 'jobs[1]%'
          and w.code = 'LH010'
    $$,
    $$ select 'none'::text where false $$,
    'the DETAIL says which element it is (its comment: "LH010 with the number of the element in DETAIL")'
);
select is(
    (select count(*) from submit_many((select jsonb_agg(jsonb '{"next_need": "many.most"}') from generate_series(1, 10000)))), 10000::bigint,
    'ten thousand are accepted'
);

select * from finish();
rollback;
