-- submission: the view that takes jobs by INSERT and COPY.

begin;
select plan(61);
\ir ../../include/support.sql
\ir ../../include/named.sql

-- INSERT ------------------------------------------------------------------------------------------------

insert into submission (next_need) values ('sub.bare');
select submit('sub.bare') \gset
select results_eq(
    $$
        select
            j.state, j.payload, j.priority, j.options, j.expires_at, j.submitted_by, j.singleton_key, j.metadata, j.on_dependency_failure,
            j.available_at = j.submitted_at
        from job as j where j.next_need = 'sub.bare' order by j.number limit 1
    $$,
    $$
        select
            j.state, j.payload, j.priority, j.options, j.expires_at, j.submitted_by, j.singleton_key, j.metadata, j.on_dependency_failure,
            j.available_at = j.submitted_at
        from job as j where j.next_need = 'sub.bare' order by j.number offset 1
    $$,
    'a row with a need alone is what submit makes of a need alone'
);
select is((select count(*) from job as j where j.next_need = 'sub.bare'), 2::bigint, 'it is one job');

insert into submission values (
    'sub.full', '{"n": [1, "é\n", null]}', pg_temp.id(2), array[(select j.job_id from job as j limit 1)], 'customer 7', 'invoice 9', 0,
    '2100-01-01 00:00+00', '2101-01-01 00:00+00', 9, '{"kind": "fixed"}', 'cascade', '{"trace": "t"}', 'a producer'
);
select results_eq(
    $$
        select
            i.state, i.next_need, i.payload, cardinality(i.wait_for), i.singleton_key, i.idempotency_key, i.priority, i.available_at, i.expires_at,
            i.max_attempts, i.retry, i.on_dependency_failure, i.metadata, i.submitted_by
        from job(pg_temp.id(2)) as i
    $$,
    $$
        values (
            'blocked', 'sub.full', jsonb '{"n": [1, "é\n", null]}', 1, 'customer 7', 'invoice 9', 0, timestamptz '2100-01-01 00:00+00',
            timestamptz '2101-01-01 00:00+00', 9, jsonb '{"kind": "fixed"}', 'cascade', jsonb '{"trace": "t"}', 'a producer'
        )
    $$,
    'its columns are the parameters of submit, all of them and in the same order'
);
select is(
    (
        select array_agg(a.attname || ' ' || format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) order by a.attnum)
        from pg_attribute as a join pg_type as t on t.oid = a.atttypid where a.attrelid = 'submission'::regclass and a.attnum > 0
    ),
    (
        select array_agg(p.name || ' ' || format_type(p.type, null) order by p.place)
        from pg_proc as f, unnest(f.proargnames, f.proargtypes::oid[]) with ordinality as p (name, type, place)
        where f.oid = 'submit'::regproc and p.type is not null
    ),
    'their names and types agree with the catalog'
);

insert into submission values ('sub.nulls', null, null, null, null, null, null, null, null, null, null, null, null, null);
select results_eq(
    $$ select j.state, j.payload, j.priority, j.options, j.metadata, j.on_dependency_failure, j.submitted_by from job as j where j.next_need = 'sub.nulls' $$,
    $$ select j.state, j.payload, j.priority, j.options, j.metadata, j.on_dependency_failure, j.submitted_by from job as j where j.next_need = 'sub.bare' limit 1 $$,
    'null means the default of submit'
);

insert into submission (next_need, payload, priority) select 'sub.many', jsonb_build_object('n', n), n % 3 from generate_series(1, 500) as n;
select results_eq(
    $$ select j.payload, j.priority::integer from job as j where j.next_need = 'sub.many' order by j.number $$,
    $$ select jsonb_build_object('n', n), n % 3 from generate_series(1, 500) as n $$,
    'the rows of insert … select stand in the queue in their order'
);
insert into submission (next_need, job_id, wait_for) values ('sub.one', pg_temp.id(10), null), ('sub.two', null, array[pg_temp.id(10)]);
select results_eq(
    $$ select j.next_need collate "default", j.state collate "default" from job as j where j.next_need in ('sub.one', 'sub.two') order by j.number $$,
    $$ values ('sub.one', 'ready'), ('sub.two', 'blocked') $$,
    'a row may wait for an earlier one'
);
select is((select count(*) from get_work('worker', '{sub.many}', limit_jobs => 7)), 7::bigint, 'inserted jobs can be claimed');
select is_empty('select * from submission', 'the view shows no rows');

-- RETURNING -----------------------------------------------------------------------------------------------

create temporary table told (job_id uuid, payload jsonb, priority integer, wait_for uuid[], on_dependency_failure text, metadata jsonb);
with made as (
    insert into submission (next_need, payload) select 'sub.told', jsonb_build_object('n', n) from generate_series(1, 3) as n returning *
)
insert into told select m.job_id, m.payload, m.priority, m.wait_for, m.on_dependency_failure, m.metadata from made as m;
select results_eq(
    $$ select j.job_id, j.payload from job as j where j.next_need = 'sub.told' order by j.number $$, 'select t.job_id, t.payload from told as t',
    'returning gives the id that was made'
);
select is((select count(distinct (t.priority, t.wait_for, t.on_dependency_failure, t.metadata)) from told as t), 1::bigint, 'returning gives the id of the next row too');
select results_eq(
    'select t.priority, t.wait_for, t.on_dependency_failure, t.metadata from told as t limit 1', $$ values (100, '{}'::uuid[], 'hold', '{}'::jsonb) $$,
    'defaults'
);
insert into submission (next_need, idempotency_key) values ('sub.once', 'k1') returning job_id as first \gset
insert into submission (next_need, idempotency_key) values ('sub.once', 'k1') returning job_id as again \gset
select is(:'again'::uuid, :'first'::uuid, 'a known idempotency_key returns the first job');
insert into submission (next_need, expires_at) values ('sub.never', 'infinity') returning job_id \gset
select is((job(:'job_id')).expires_at, null, 'an expires_at of infinity counts as none');
select cancel(:'first', 'test') \gset
delete from archive as a where a.job_id = :'first';
insert into submission (next_need, idempotency_key) values ('sub.once', 'k1') returning job_id as first \gset
select is((job(:'first')).state, 'ready', 'the key of a purged job makes a new job');
select is((select count(*) from job as j where j.next_need = 'sub.once'), 1::bigint, 'it makes only one new job');
insert into submission (next_need, job_id) values ('sub.given', pg_temp.id(20)) returning job_id as given \gset
select is(:'given'::uuid, pg_temp.id(20), 'a given id is returned');

-- COPY ------------------------------------------------------------------------------------------------------

create function pg_temp.copied() returns setof text language sql as $copied$
    select concat_ws(' ', j.next_need, j.state, j.priority, j.payload, (j.options).idempotency_key, cardinality((j.options).wait_for))
    from job as j where j.next_need like 'copy.%' order by j.number
$copied$;

copy submission (next_need, payload) from stdin;
copy.a	{"n": 1, "s": "tab\\tline\\nend"}
copy.b	\N
copy.a	{"n": "é"}
\.
select results_eq(
    'select * from pg_temp.copied()',
    $$ values ('copy.a ready 100 {"n": 1, "s": "tab\tline\nend"}'), ('copy.b ready 100 {}'), ('copy.a ready 100 {"n": "é"}') $$,
    'COPY takes rows'
);
select is((select count(distinct j.job_id) from job as j where j.next_need like 'copy.%'), 3::bigint, 'each row has an id of its own');
select is(
    (select count(*) from job as j where j.next_need like 'copy.%' and j.submitted_by = _acting_role() and j.available_at = j.submitted_at), 3::bigint,
    'a given id is used'
);
select is((select count(*) from get_work('worker', '{copy.%}', limit_jobs => 7)), 3::bigint, 'the jobs can be claimed at once');
delete from job as j where j.next_need like 'copy.%';

\copy submission (next_need, job_id, idempotency_key, wait_for, priority) from stdin with (delimiter ',', null '')
copy.1,,,,
copy.2,00000000-0000-7000-8000-000000000030,,,
copy.3,,,{00000000-0000-7000-8000-000000000030},5
copy.4,,k4,,
copy.4,,k4,,
copy.5,,,,7
\.
select results_eq(
    'select * from pg_temp.copied()',
    $$ values ('copy.1 ready 100 {}'), ('copy.2 ready 100 {}'), ('copy.3 blocked 5 {} 1'), ('copy.4 ready 100 {} k4'), ('copy.5 ready 7 {}') $$,
    'rows of all kinds stand in the queue in their order'
);
delete from job as j where j.next_need like 'copy.%';

\copy submission (next_need, payload) from program 'seq 1 1234 | sed "s/.*/copy.many|{\"n\": &}/"' with (delimiter '|')
select results_eq(
    $$ select j.payload from job as j where j.next_need = 'copy.many' order by j.number $$,
    $$ select jsonb_build_object('n', n) from generate_series(1, 1234) as n $$,
    'many rows stand in the queue in their order'
);
select is((select count(*) from lane as l where l.next_need = 'copy.many'), 1::bigint, 'all in one lane');
\copy submission (next_need) from program 'true'
select is((select count(*) from job as j where j.next_need = 'copy.many'), 1234::bigint, 'a COPY of no rows makes no job');
savepoint loaded;
\copy submission (next_need) from program 'yes copy.undone | head -n 250'
rollback to savepoint loaded;
\copy submission (next_need) from program 'yes copy.done | head -n 10'
select results_eq(
    $$ select j.next_need collate "default", count(*) from job as j where j.next_need like 'copy.%done' group by 1 $$, $$ values ('copy.done', 10::bigint) $$,
    'a load that is rolled back leaves nothing for the next one'
);

-- an INSERT inside a COPY: neither loses the other's rows
create function pg_temp.also(next_need text) returns boolean language plpgsql as $also$
begin
    insert into submission (next_need) values ('also.' || next_need);
    return true;
end
$also$;
copy submission (next_need) from stdin where pg_temp.also(next_need);
within.1
within.2
within.3
\.
select set_eq(
    $$ select j.next_need collate "default" from job as j where j.next_need ~ 'within' $$,
    $$ values ('within.1'), ('within.2'), ('within.3'), ('also.within.1'), ('also.within.2'), ('also.within.3') $$,
    'an INSERT that runs during a COPY does not change the rows of the COPY'
);

-- Refusals: the same as those of submit -----------------------------------------------------------------------

select pg_temp.refused(format('insert into submission (next_need, %s) values (''a'', %s)', v.name, v.value), v.code, format('%s %s: %s', v.name, v.value, v.code))
from (values
    ('payload', '''[]''', 'LH010'),
    ('payload', '''null''', 'LH010'),
    ('payload', 'jsonb_build_object(''x'', repeat(''x'', 1048576))', 'LH011'),
    ('job_id', quote_literal(pg_temp.id(2)), 'LH005'),
    ('wait_for', quote_literal(array[pg_temp.id(4711)]), 'LH004'),
    ('wait_for', '''{null}''', 'LH010'),
    ('singleton_key', '''''', 'LH010'),
    ('idempotency_key', '''''', 'LH010'),
    ('idempotency_key', '''k1''', 'LH006'),
    ('priority', '1000', 'LH010'),
    ('priority', '-1', 'LH010'),
    ('available_at', '''infinity''', 'LH010'),
    ('expires_at', '''2001-01-01''', 'LH010'),
    ('max_attempts', '0', 'LH010'),
    ('retry', '''{"kind": "never"}''', 'LH010'),
    ('on_dependency_failure', '''ignore''', 'LH010'),
    ('metadata', '''1''', 'LH010'),
    ('submitted_by', '''''', 'LH010')
) as v (name, value, code);
select pg_temp.refused(format('insert into submission (next_need) values (%L)', v.need), 'LH010', format('a need %s: LH010', coalesce(to_json(v.need)::text, 'null')))
from (values (null), (''), ('a b'), ('a.%'), ('a..b'), (repeat('x', 201))) as v (need);
select pg_temp.refused($$ insert into submission (next_need) values (repeat('x', 270000000)) $$, 'LH010', 'a need that is longer than a regular expression can take: LH010');
select pg_temp.refused($$ insert into submission (next_need) values ('sub.good'), ('sub..bad') $$, 'LH010', 'with one bad row among good ones, no row stays');
select is(
    pg_temp.detail_of($$ insert into submission (next_need, priority) values ('a', 1000) $$), '{"argument": "priority"}', 'the DETAIL is that of submit'
);
select pg_temp.refused('update submission set priority = 1', '55000', 'an update is refused');
select pg_temp.refused('delete from submission', '55000', 'a delete is refused');
select pg_temp.refused(
    $$
        select set_config(format('leasehold.load_%s_0', 'submission'::regclass::oid), e'a b\n100\n{}', true),
            set_config(format('leasehold.load_%s', 'submission'::regclass::oid), '1', true);
        insert into submission (next_need) values ('sub.good');
    $$,
    'LH010', 'a row that was inserted directly where rows are gathered is checked like any other'
);

-- Rights ---------------------------------------------------------------------------------------------------------

create role tap_producer;
grant leasehold_submitter to tap_producer;
create role tap_worker;
grant leasehold_worker, leasehold_reader, leasehold_operator to tap_worker;
set local role tap_producer;
insert into leasehold.submission (next_need, idempotency_key) values ('role.once', 'role') returning job_id \gset
insert into leasehold.submission (next_need) values ('role.plain');
copy leasehold.submission (next_need, submitted_by) from stdin;
role.copy	\N
role.by	somebody else
\.
reset role;
select results_eq(
    $$ select j.next_need collate "default", j.submitted_by collate "default" from job as j where j.next_need like 'role.%' order by j.number $$,
    $$ values ('role.once', 'tap_producer'), ('role.plain', 'tap_producer'), ('role.copy', 'tap_producer'), ('role.by', 'somebody else') $$,
    'a role that may submit may insert, and its name is submitted_by'
);
select ok(not has_table_privilege('tap_worker', 'submission', 'insert'), 'no other role may insert');
select ok(not has_table_privilege('tap_producer', 'submission', 'update, delete, truncate, references, trigger'), 'an inserting role may do no more than that');

drop trigger submission_ends on submission;
select results_eq(
    'select d.kind, d.name, d.problem from verify() as d', $$ values ('trigger', 'submission_ends', 'missing') $$, 'verify() knows its triggers'
);

select * from finish();
rollback;
