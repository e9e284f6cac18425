-- Rights: each group can do exactly what it is meant to do, everybody else nothing; no caller's schema, temporary object or setting has an effect inside.

begin;
\ir ../include/support.sql
select plan(111);

-- Which functions each role may call ---------------------------------------------------------------

create temporary table granted (role text, functions text[]);
insert into granted values
    ('leasehold_submitter', '{job,submit,submit_many}'),
    ('leasehold_worker', '{wakeup_channel,checkpoint,checkpoints,complete,extend,extend_many,fail,get_work,hold_lease,job,lease_status,next_due,release,reschedule,results,settle,sweep,turn}'),
    ('leasehold_reader', '{job,setting,settings,verify,why_not_running}'),
    ('leasehold_operator', '{cancel,complete_unheld,fail_unheld,job,job_payload,redrive,redrive_many,reschedule_unheld,set_setting,setting,settings,sweep,verify,why_not_running}');
update granted set functions = functions || '{error_codes,require_api,schema_version}';
create role tap_nobody;
insert into granted values ('tap_nobody', '{}');

-- The outcome of a statement that a role runs: ok, or the code with which it is refused.
create function pg_temp.run_as(role text, statement text) returns text language plpgsql as $run_as$
begin
    execute format('set local role %I', role);
    execute statement;
    reset role;
    return 'ok';
exception
    when others then
        return sqlstate;
end
$run_as$;

-- The functions of the schema that a role may call. Each is called, with nulls.
create function pg_temp.callable_by(role text) returns text[] language sql as $callable_by$
    select coalesce(array_agg(p.proname::text order by p.proname), '{}')
    from pg_proc as p
    where p.pronamespace = 'leasehold'::regnamespace
        and pg_temp.run_as(
            role,
            format('select leasehold.%I(%s)', p.proname, (
                select string_agg(format('null::%I.%I', n.nspname, t.typname), ', ' order by a.place)
                from unnest(p.proargtypes) with ordinality as a (type, place)
                join pg_type as t on t.oid = a.type
                join pg_namespace as n on n.oid = t.typnamespace
            ))
        ) <> '42501';
$callable_by$;

select is(pg_temp.callable_by(g.role), array(select f from unnest(g.functions) as f order by f collate "C"), g.role || ' may call exactly its functions')
from granted as g;
select is((select count(*) from granted where role like 'leasehold%'), (select count(*) from pg_roles where rolname ~ '^leasehold_(submitter|worker|reader|operator)$'), 'all four groups exist');
select is_empty($$ select rolname from pg_roles where rolname ~ '^leasehold_(submitter|worker|reader|operator)$' and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolbypassrls) $$,
    'a group cannot log in and has no other attribute');
select is_empty(
    $$ select p.proname from pg_proc as p where p.pronamespace = 'leasehold'::regnamespace and p.proname !~ '^_' and p.proname <> all (select unnest(functions) from granted) $$,
    'every public function is granted to some group'
);

-- Memberships add up.
create role tap_app;
grant leasehold_submitter, leasehold_worker to tap_app;
select is(pg_temp.run_as('tap_app', $$ select leasehold.submit(next_need => 'ro.app') $$), 'ok', 'a member of the submitters submits');
select is(pg_temp.run_as('tap_app', $$ select leasehold.get_work(worker_id => 'w', capabilities => '{ro.app}') $$), 'ok', 'a member of the workers claims work');
select is(pg_temp.run_as('tap_app', $$ select leasehold.set_setting(name => 'max_attempts', value => '5') $$), '42501', 'but it cannot set a setting');
select is((select submitted_by from job where next_need = 'ro.app'), 'tap_app', 'submitted_by is the member''s role, not the owner');
set local role tap_app;
select leasehold.submit(next_need => 'ro.by', submitted_by => 'somebody else');
reset role;
select is((select submitted_by from job where next_need = 'ro.by'), 'somebody else', 'submitted_by is another name if the caller gives one');

-- Tables, sequences, the schema ---------------------------------------------------------------------

select is_empty(
    format(
        $$ select c.relname, s.statement, pg_temp.run_as(%L, format(s.statement, c.relname))
        from pg_class as c, (values ('select from leasehold.%%I'), ('insert into leasehold.%%I default values'), ('delete from leasehold.%%I'), ('truncate leasehold.%%I cascade'),
            ('lock leasehold.%%I'), ('select from leasehold.%%I for update'), ('alter table leasehold.%%I add column extra integer'), ('drop table leasehold.%%I cascade'),
            ('create index on leasehold.%%1$I ((%%1$I::text))')) as s (statement)
        where c.relnamespace = 'leasehold'::regnamespace and c.relkind in ('r', 'p') and pg_temp.run_as(%1$L, format(s.statement, c.relname)) <> '42501' $$, r.role
    ),
    r.role || ' reaches no table'
)
from (select g.role from granted as g union all select 'tap_app') as r;
select is_empty(
    format(
        $$ select a.attrelid::regclass, a.attname from pg_attribute as a join pg_class as c on c.oid = a.attrelid
        where c.relnamespace = 'leasehold'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and has_column_privilege(%L, c.oid, a.attnum, 'select, insert, update, references') $$, r.role
    ),
    r.role || ' reaches no column'
)
from (select g.role from granted as g union all select 'tap_app') as r;
select is_empty(
    format(
        $$ select c.relname, s.statement from pg_class as c, (values ('select nextval(%%L)'), ('select currval(%%L)'), ('select setval(%%L, 1)'), ('select last_value from %%s')) as s (statement)
        where c.relnamespace = 'leasehold'::regnamespace and c.relkind = 'S' and pg_temp.run_as(%L, format(s.statement, 'leasehold.' || c.relname)) <> '42501' $$, r.role
    ),
    r.role || ' draws no number'
)
from (select g.role from granted as g union all select 'tap_app') as r;
select is(pg_temp.run_as(r.role, 'create table leasehold.extra ()'), '42501', r.role || ' creates nothing in the schema')
from (select g.role from granted as g union all select 'tap_app') as r;
select is(
    array(select c.relname::text from pg_class as c where c.relnamespace = 'leasehold'::regnamespace and c.relkind = 'v'
        and pg_temp.run_as(r.role, format('select from leasehold.%I', c.relname)) = 'ok' order by 1),
    r.views, r.role || ' reads ' || case when cardinality(r.views) < 2 then 'no view' else 'the views' end
)
from (
    values ('leasehold_submitter', '{submission}'::text[]), ('leasehold_worker', '{}'), ('leasehold_reader', '{act,dead_letter,departure,finished,status}'),
        ('leasehold_operator', '{act,dead_letter,departure,finished,status}'), ('tap_nobody', '{}')
) as r (role, views);
select is_empty(
    $$ select v.relname, r.role from pg_class as v, granted as r where v.relnamespace = 'leasehold'::regnamespace and v.relkind = 'v'
        and (
            has_table_privilege(r.role, v.oid, 'insert') and (v.relname, r.role) <> ('submission', 'leasehold_submitter')
            or has_table_privilege(r.role, v.oid, 'update, delete, truncate')
        ) $$,
    'nobody writes through a view, except that a submitter inserts into submission'
);
select is(pg_temp.run_as('tap_nobody', 'select null::leasehold.work'), '42501', 'other roles may not name its types');
select is(has_schema_privilege('tap_nobody', 'leasehold', 'usage, create'), false, 'other roles may not use the schema');
select is(pg_temp.run_as(r.role, s.statement), '42501', r.role || ' may not ' || s.statement)
from (select g.role from granted as g) as r,
    (values ('alter function leasehold.schema_version() set search_path = public'), ('create or replace function leasehold.schema_version() returns text language sql as $x$ select ''x'' $x$'),
        ('drop function leasehold.schema_version()'), ('grant execute on function leasehold._now() to public'), ('alter schema leasehold rename to mine')) as s (statement)
where not (s.statement like 'grant%' and r.role <> 'tap_nobody');
-- a new function is granted to nobody, whatever the default privileges of the database are
select is_empty(
    $$ select p.proname from pg_proc as p where p.pronamespace = 'leasehold'::regnamespace and has_function_privilege('public', p.oid, 'execute') $$, 'PUBLIC may call no function'
);

-- A whole life of jobs under hostile conditions ------------------------------------------------------

-- The course of a few jobs from submit to their end, told without times, so that it is the same under all conditions.
-- Operators and functions are schema-qualified, because the surroundings may be hostile to this function too.
create function pg_temp.life(need text) returns text language plpgsql as $life$
declare
    v_said      text[];
    v_text      text;
    v_id        uuid;
    v_other     uuid;
    v_lease     uuid;
    v_fence     bigint;
    v_at        timestamptz;
    v_again     timestamptz;
    v_from      timestamptz;
    v_statement text;
begin
    execute 'select pg_catalog.clock_timestamp()' into v_from;
    execute $$ select (s.s).job_id, (s.s).state, (s.s).available_at from (select leasehold.submit(next_need => $1, payload => E'{"a": "\\\\ ''x\\n"}', singleton_key => $1, max_attempts => 3,
        retry => E'{"kind": "exponential", "initial": "1 day 01:00:00", "multiplier": 2.5, "jitter": 0, "max": "30 days", "retryable": ["t\\\\_%"]}',
        available_at => '2020-02-29 23:59:59.123456+05:45', expires_at => pg_catalog.timestamptz_pl_interval(pg_catalog.now(), '300 days'), metadata => '{"m": 0.1}') as s offset 0) as s $$
        into v_id, v_text, v_at using need;
    v_said := pg_catalog.array_append(v_said, v_text);
    v_said := pg_catalog.array_append(v_said, extract(epoch from v_at)::text);
    execute 'select (s.s).job_id, (s.s).state from (select leasehold.submit(next_need => $1, wait_for => array[$2], on_dependency_failure => ''cascade'', idempotency_key => $1) as s offset 0) as s'
        into v_other, v_text using need, v_id;
    v_said := pg_catalog.array_append(v_said, v_text);
    execute 'select w.lease_id, w.fence, w.payload::text || w.metadata::text || w.attempt from leasehold.get_work(worker_id => ''w'', capabilities => array[$1], lease => ''1 hour'') as w'
        into v_lease, v_fence, v_text using need;
    v_said := pg_catalog.array_append(v_said, v_text);
    execute 'select extract(epoch from pg_catalog.date_trunc(''day'', leasehold.extend(job_id => $1, lease_id => $2, lease => ''6 days'') operator(pg_catalog.-) $3))::text'
        into v_text using v_id, v_lease, v_from;
    v_said := pg_catalog.array_append(v_said, v_text);
    execute 'select f.state || f.attempt, f.available_at from leasehold.fail(job_id => $1, lease_id => $2, error => $3) as f' into v_text, v_at using v_id, v_lease, E't_x\u0001\\y\n';
    v_said := pg_catalog.array_append(v_said, v_text);
    v_said := pg_catalog.array_append(v_said, pg_catalog.round(extract(epoch from v_at operator(pg_catalog.-) v_from) / 1000)::text);
    execute 'select f.available_at from leasehold.fail(job_id => $1, lease_id => $2, error => $3) as f' into v_again using v_id, v_lease, 'again';
    v_said := pg_catalog.array_append(v_said, 'the same answer: ' || (v_at operator(pg_catalog.=) v_again)::text);
    foreach v_statement in array array[
        'select leasehold.submit(next_need => ''a b'')',
        'select leasehold.submit(next_need => ''a.%'')',
        'select leasehold.submit(next_need => ''a..b'')',
        'select leasehold.submit(next_need => ''a.b'', retry => E''{"retryable": ["x\\\\"]}'')',
        'select leasehold.submit(next_need => ''a.b'', retry => ''{"initial": "-1 day"}'')',
        'select leasehold.submit(next_need => ''a.b'', job_id => ''' || v_id::text || ''')',
        'select leasehold.submit(next_need => ''a.b'', idempotency_key => ''' || need || ''')',
        'select leasehold.submit(next_need => ''a.b'', expires_at => ''2020-01-01 00:00:00+00'')',
        'select leasehold.submit_many(jobs => ''[{"next_need": "a.b", "available_at": "soon"}]'')',
        'select leasehold.get_work(worker_id => ''w'', capabilities => ''{a}'', lease => ''8 days'')',
        'select leasehold.complete(job_id => ''' || v_id::text || ''', lease_id => ''' || v_lease::text || ''')',
        'select leasehold.complete(job_id => ''' || v_id::text || ''', lease_id => ''' || v_other::text || ''')',
        'select leasehold.complete(job_id => ''' || v_lease::text || ''', lease_id => ''' || v_other::text || ''')',
        'select leasehold.settle(done => ''[{"job_id": "x", "lease_id": "y", "verb": "complete"}]'')'
    ] loop
        begin
            execute v_statement;
            v_said := pg_catalog.array_append(v_said, 'taken');
        exception
            when others then
                v_said := pg_catalog.array_append(v_said, sqlstate);
        end;
    end loop;
    execute 'select pg_catalog.string_agg(pg_catalog.concat_ws('' '', (s.s).state, extract(epoch from (s.s).available_at)), '', '') from (select leasehold.submit_many(jobs =>
        pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(''next_need'', $1 || ''.m'', ''available_at'', ''2040-03-04T05:06:07+02:00''))) as s offset 0) as s' into v_text using need;
    v_said := pg_catalog.array_append(v_said, v_text);
    execute 'select leasehold.submit(next_need => $1 || ''.t'')' using need;
    execute 'select w.job_id, w.lease_id from leasehold.get_work(worker_id => ''w'', capabilities => array[$1 || ''.t%'']) as w' into v_id, v_lease using need;
    execute 'select s.state || pg_catalog.round(extract(epoch from s.available_at operator(pg_catalog.-) $3) / 1000)::text from leasehold.settle(done => pg_catalog.jsonb_build_array(
        pg_catalog.jsonb_build_object(''job_id'', $1, ''lease_id'', $2, ''verb'', ''fail'', ''error'', ''x'', ''retry_after'', ''P1DT2H''))) as s' into v_text using v_id, v_lease, v_from;
    v_said := pg_catalog.array_append(v_said, v_text);
    execute 'select leasehold.submit(next_need => $1 || ''.u'')' using need;
    execute 'select w.job_id, w.lease_id from leasehold.get_work(worker_id => ''w'', capabilities => array[$1 || ''.u'']) as w' into v_id, v_lease using need;
    execute 'select leasehold.checkpoint(job_id => $1, lease_id => $2, name => ''c'', result => ''{"n": 1.50}'')::text' into v_text using v_id, v_lease;
    v_said := pg_catalog.array_append(v_said, v_text);
    execute 'select leasehold.complete(job_id => $1, lease_id => $2, result => ''[null]'')::text' into v_text using v_id, v_lease;
    v_said := pg_catalog.array_append(v_said, v_text);
    return pg_catalog.array_to_string(v_said, '; ');
exception
    when others then
        return pg_catalog.concat_ws('; ', pg_catalog.array_to_string(v_said, '; '), sqlstate, sqlerrm);
end
$life$;

-- Functions are compiled anew, as in a new session.
create function pg_temp.forget() returns void language sql as $forget$
    update pg_proc set procost = procost where pronamespace = 'leasehold'::regnamespace;
$forget$;

create function pg_temp.life_as_app(need text) returns text language plpgsql as $life_as_app$
declare
    v_told text;
begin
    perform pg_temp.forget();
    set local role tap_app;
    v_told := pg_temp.life(need);
    reset role;
    return v_told;
end
$life_as_app$;

select pg_temp.life_as_app('ro.life') as life \gset
select is(:'life'::text,
    'ready; 1583000099.123456; blocked; {"a": "\\ ''x\n"}{"m": 0.1}1; 518400.000000; scheduled1; 90; the same answer: true; LH010; LH010; LH010; LH010; LH010; LH005; LH006; LH010; LH010; LH010; LH001; LH002; LH003; LH010; scheduled 2214443167.000000; scheduled94; {"n": 1.50}; true',
    'the course under plain conditions is recorded'
);

-- The same course under a setting, in a subtransaction of its own.
create function pg_temp.life_with(need text, setting text, value text) returns text language plpgsql as $life_with$
declare
    v_told text;
begin
    begin
        perform set_config(setting, value, true);
        v_told := pg_temp.life_as_app(need);
        raise exception using errcode = 'TT000';
    exception
        when sqlstate 'TT000' then null;
    end;
    return v_told;
end
$life_with$;

select is(pg_temp.life_with('ro.life', s.name, s.value), :'life', format('the same with %s = %s', s.name, s.value))
from (
    values ('DateStyle', 'SQL, DMY'), ('DateStyle', 'German, YMD'), ('DateStyle', 'Postgres, MDY'), ('TimeZone', 'Asia/Kathmandu'), ('TimeZone', 'America/St_Johns'), ('TimeZone', '<x>+14'),
        ('IntervalStyle', 'sql_standard'), ('IntervalStyle', 'iso_8601'), ('IntervalStyle', 'postgres_verbose'), ('extra_float_digits', '-15'), ('bytea_output', 'escape'),
        ('standard_conforming_strings', 'off'), ('backslash_quote', 'off'), ('transform_null_equals', 'on'), ('array_nulls', 'off'), ('quote_all_identifiers', 'on'), ('row_security', 'off'),
        ('enable_indexscan', 'off'), ('enable_nestloop', 'off'), ('enable_sort', 'off'), ('enable_hashagg', 'off'), ('plan_cache_mode', 'force_custom_plan'), ('join_collapse_limit', '1'),
        ('work_mem', '64kB'), ('jit_above_cost', '0'), ('check_function_bodies', 'off'), ('plpgsql.extra_errors', 'all'), ('plpgsql.check_asserts', 'off'),
        ('default_transaction_isolation', 'serializable'), ('lc_messages', 'C'), ('search_path', ''), ('search_path', 'pg_temp'), ('search_path', 'pg_catalog'), ('search_path', 'nowhere, "$user"')
) as s (name, value);

-- Objects of a caller that come before the schema's and before the system's own.
grant create on database :DBNAME to tap_app;
set local role tap_app;
create schema evil;
create function evil.caught() returns boolean language plpgsql as $x$ begin raise exception 'something of the caller''s was run as %', current_user using errcode = 'EV001'; end $x$;
create function evil._now() returns timestamptz language sql as $x$ select evil.caught()::text::timestamptz $x$;
create function evil._raise_invalid_argument(argument text, problem text, hint text default null) returns void language sql as $x$ select evil.caught() $x$;
create function evil.clock_timestamp() returns timestamptz language sql as $x$ select evil.caught()::text::timestamptz $x$;
create function evil.nextval(regclass) returns bigint language sql as $x$ select evil.caught()::integer::bigint $x$;
create function evil.octet_length(text) returns integer language sql as $x$ select evil.caught()::integer $x$;
create function evil.jsonb_typeof(jsonb) returns text language sql as $x$ select evil.caught()::text $x$;
create function evil.current_setting(text) returns text language sql as $x$ select evil.caught()::text $x$;
create function evil.gen_random_uuid() returns uuid language sql as $x$ select evil.caught()::text::uuid $x$;
create function evil.pg_try_advisory_xact_lock(bigint) returns boolean language sql as $x$ select evil.caught() $x$;
create function evil.now() returns timestamptz language sql as $x$ select evil.caught()::text::timestamptz $x$;
create function evil.same(uuid, uuid) returns boolean language sql as $x$ select evil.caught() $x$;
create function evil.same(text, text) returns boolean language sql as $x$ select evil.caught() $x$;
create function evil.less(timestamptz, timestamptz) returns boolean language sql as $x$ select evil.caught() $x$;
create operator evil.= (leftarg = uuid, rightarg = uuid, function = evil.same);
create operator evil.= (leftarg = text, rightarg = text, function = evil.same);
create operator evil.<> (leftarg = text, rightarg = text, function = evil.same);
create operator evil.~ (leftarg = text, rightarg = text, function = evil.same);
create operator evil.<= (leftarg = timestamptz, rightarg = timestamptz, function = evil.less);
create operator evil.> (leftarg = timestamptz, rightarg = timestamptz, function = evil.less);
create table evil.job (job_id uuid);
create table evil.setting (name text);
create table evil.deferred (job_id uuid);
create type evil.work as (x integer);
create type evil.request as (x integer);
reset role;
select throws_ok('select evil.now()', 'EV001', null, 'the caller''s objects raise when they are run');
select is(pg_temp.life_with('ro.life', 'search_path', p.path), :'life', format('the same with search_path = %s, where the caller''s objects stand', p.path))
from (values ('evil, pg_catalog, public'), ('evil, leasehold, pg_catalog, public'), ('evil'), ('leasehold, evil')) as p (path);

savepoint shadows;
set local role tap_app;
create temporary table job (job_id uuid, state text);
create temporary table archive (job_id uuid);
create temporary table setting (name text, value text);
create temporary table lane (next_need text);
create temporary table deferred (job_id uuid);
create temporary table dependency (job_id uuid);
create temporary table waiter (channel text);
create temporary table history (job_id uuid);
create temporary sequence fence_seq start 1000000;
create temporary sequence number_seq start 1000000;
create function pg_temp._now() returns timestamptz language sql as $x$ select evil.caught()::text::timestamptz $x$;
create type pg_temp.work as (x integer);
create type pg_temp.submitted as (x integer);
create domain pg_temp.uuid as text;
create function pg_temp.same(pg_catalog.uuid, pg_catalog.uuid) returns boolean language sql as $x$ select evil.caught() $x$;
create operator pg_temp.= (leftarg = pg_catalog.uuid, rightarg = pg_catalog.uuid, function = pg_temp.same);
reset role;
select pg_temp.life_with('ro.life', 'search_path', 'pg_temp, pg_catalog') as shadowed \gset
rollback to shadows;
select is(:'shadowed'::text, :'life', 'the course is the same where temporary objects have the names of the schema''s own');

-- after a call, the settings that hold inside it are the caller's again
set local search_path to evil, public;
set local enable_seqscan to on;
set local plan_cache_mode to auto;
select leasehold.submit(next_need => 'ro.after');
select leasehold.get_work(worker_id => 'w', capabilities => '{ro.after}');
select current_setting('search_path') || ', ' || current_setting('enable_seqscan') || ', ' || current_setting('plan_cache_mode') as after \gset
set local search_path to leasehold, public;
select is(:'after'::text, 'evil, public, on, auto', 'after a call the caller''s settings are unchanged');

-- A read-only transaction
savepoint read_only;
set transaction read only;
select pg_temp.run_as('tap_app', $$ select leasehold.submit(next_need => 'ro.readonly') $$) as submitted,
    pg_temp.run_as('leasehold_reader', $$ select leasehold.settings() $$) as read \gset
rollback to read_only;
select is(:'submitted'::text, '25006', 'in a read-only transaction a submit is refused with PostgreSQL''s own code');
select is(:'read'::text, 'ok', 'in a read-only transaction a call that only reads succeeds');

select * from finish();
rollback;
