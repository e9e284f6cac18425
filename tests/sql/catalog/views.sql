-- The views for reading: nobody writes through one, and none shows a row or a result to a role that may not see it. Also, what a manual statement cannot
-- do to the tables of jobs.

begin;
\ir ../include/support.sql
select plan(43);

select job_id as done, lease_id as done_lease from pg_temp.leased('vi.done') \gset
select complete(job_id => :'done', lease_id => :'done_lease', result => '{"secret": 1}');
select job_id as dead, lease_id as dead_lease from pg_temp.leased('vi.dead') \gset
select fail(job_id => :'dead', lease_id => :'dead_lease', error => 'no', retryable => false);
select job_id as held from pg_temp.leased('vi.held') \gset
select submit(job_id => pg_temp.id(1), next_need => 'vi.ready');
select submit(job_id => pg_temp.id(2), next_need => 'vi.keyed', singleton_key => 'vi.hidden');
select submit(job_id => pg_temp.id(3), next_need => 'vi.blocked', wait_for => array[pg_temp.id(1)]);
select submit(job_id => pg_temp.id(4), next_need => 'vi.later', available_at => now() + interval '1 h');

-- Nobody writes through the views, their owner included ----------------------------------------------

select pg_temp.refused(format(s.statement, v.name), '55000', format('the owner may not ' || s.statement, v.name))
from (values ('act'), ('dead_letter'), ('departure'), ('finished'), ('status')) as v (name),
    (values ('delete from %I'), ('delete from %I where false'), ('update %I set next_need = null'), ('insert into %I default values')) as s (statement)
where v.name not in ('act', 'departure') or s.statement not like 'update%'
union all
select pg_temp.refused('update act set verb = null', '55000', 'the owner may not update act')
union all
select pg_temp.refused('update departure set event = null', '55000', 'the owner may not update departure');
select pg_temp.refused(s.statement, '55000', 'nor ' || s.statement)
from (values ('delete from submission'), ('update submission set next_need = null')) as s (statement);
select is_empty(
    $$ select v.table_name from information_schema.views as v where v.table_schema = 'leasehold' and 'NO' <> all (array[v.is_updatable, v.is_insertable_into]::text[]) $$,
    'the catalog marks no view as automatically updatable'
);

-- The views are security barriers ---------------------------------------------------------------------

create function pg_temp.leaks(value text) returns boolean language plpgsql cost 0.0001 as $leaks$
begin
    perform set_config('vi.leaked', concat(current_setting('vi.leaked', true), value, ' '), true);
    return true;
end
$leaks$;
grant execute on function pg_temp.leaks to leasehold_reader;
create role tap_reader;
grant leasehold_reader to tap_reader;
set local role tap_reader;
select count(*) as dead from leasehold.dead_letter as d where pg_temp.leaks(d.next_need) and pg_temp.leaks(d.singleton_key) \gset dead_
reset role;
select is(btrim(current_setting('vi.leaked')), 'vi.dead', 'a cheap function in WHERE sees no row that dead_letter does not show');
select is(:dead_dead::bigint, 1::bigint, 'it sees the one row that dead_letter shows');

-- Results are shown only to roles that may see them -----------------------------------------------

create function pg_temp.finished_as(role text) returns text language plpgsql as $finished_as$
declare
    v_said text;
begin
    execute format('set local role %I', role);
    select concat(f.state, f.result) into v_said from leasehold.finished as f where f.next_need = 'vi.done';
    reset role;
    return v_said;
end
$finished_as$;
select is(pg_temp.finished_as('tap_reader'), 'succeeded', 'a reader sees that a job finished, but not its result');
select is(pg_temp.finished_as('leasehold_operator'), 'succeeded{"secret": 1}', 'an operator sees the result');
grant execute on function job_payload to tap_reader;
select is(pg_temp.finished_as('tap_reader'), 'succeeded{"secret": 1}', 'a role to which the owner has granted job_payload sees the result');
select results_eq($$ select result from finished where next_need = 'vi.done' $$, $$ values ('{"secret": 1}'::jsonb) $$, 'the owner sees the result');

-- The tables -----------------------------------------------------------------------------------------

-- even the owner cannot move a job by setting its state, whichever table it names
select pg_temp.refused(format('update %s set state = %L where job_id = %L', t.name, t.state, t.job_id), 'LH009', format('a job that is %s cannot be set to %s', t.was, t.state))
from (
    values ('job', 'scheduled', pg_temp.id(3), 'blocked'), ('job', 'dead', pg_temp.id(4), 'scheduled'), ('job', 'blocked', :'dead', 'dead'),
        ('job', 'succeeded', pg_temp.id(1), 'ready'), ('ready', 'leased', pg_temp.id(1), 'ready'), ('job', 'ready', :'held', 'leased'),
        ('leased', 'dead', :'held', 'leased'), ('archive', 'cancelled', :'done', 'succeeded'), ('archive', 'ready', :'done', 'succeeded')
) as t (name, state, job_id, was);
set local session_replication_role = replica;
select pg_temp.refused(format($$ update job set state = 'ready' where job_id = %L $$, :'held'), 'LH009', 'nor can it under session_replication_role = replica');
reset session_replication_role;
select lives_ok('update job set available_at = available_at, state = state', 'an update that keeps the state is accepted');

-- no row can stand in a table that is not for its state
create function pg_temp.moved(statement text) returns text language plpgsql as $moved$
begin
    execute statement;
    return 'taken';
exception
    when others then
        return sqlstate;
end
$moved$;
select is(
    pg_temp.moved(format('with gone as (delete from %s where job_id = %L returning *) insert into job select * from gone', m.name, m.job_id)), '23514',
    'a job that is ' || m.was || ' does not stand in the table of waiting jobs'
)
from (values ('leased', :'held', 'leased'), ('ready', pg_temp.id(1)::text, 'ready')) as m (name, job_id, was);
select is(
    pg_temp.moved($$ insert into job select (jsonb_populate_record(j, '{"state": "asleep"}')).* from only job as j limit 1 $$), '23514', 'no other state is accepted'
);

select * from finish();
rollback;
