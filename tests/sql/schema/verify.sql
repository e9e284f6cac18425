-- verify: finds objects of the installation that are missing, changed or left over. After a rename: tests/py/install/test_install.py.

begin;
\ir ../include/support.sql
select plan(64);

select is_empty('select * from verify()', 'a fresh installation has no discrepancy');

select submit(next_need => 've.work', singleton_key => 'k');
select complete(job_id => w.job_id, lease_id => w.lease_id) from get_work(worker_id => 'w', capabilities => '{ve.work}') as w;
select set_setting(name => 'max_attempts', value => '5');
select is_empty('select * from verify()', 'a used installation with changed settings has none either');
select pg_temp.changes_nothing('select verify()', 'asking changes nothing');

-- One kind of damage at a time: verify finds it, names it correctly and reports nothing else.
create function pg_temp.finds(damage text, expected text, description text) returns text language plpgsql as $finds$
declare
    v_found text;
begin
    begin
        execute damage;
        select string_agg(format('%s %s: %s', v.kind, v.name, v.problem), '; ' order by v.kind, v.name) into v_found from verify() as v;
        raise exception using errcode = 'TT000';
    exception
        when sqlstate 'TT000' then null;
        when others then v_found := sqlstate || ': ' || sqlerrm;
    end;
    return is(v_found, expected, description);
end
$finds$;

select pg_temp.finds('drop function _backoff(jsonb, integer)', 'function _backoff(retry jsonb, attempt integer): missing', 'a missing function');
select pg_temp.finds(
    'create or replace function schema_version() returns text language sql immutable security definer set search_path = leasehold, pg_temp as $x$ select ''9.9.9'' $x$',
    'function schema_version(): changed', 'a function with another body'
);
select pg_temp.finds('alter function schema_version() security invoker', 'function schema_version(): changed', 'a function without SECURITY DEFINER');
select pg_temp.finds('alter function schema_version() reset search_path', 'function schema_version(): changed', 'a function without a search_path');
select pg_temp.finds('alter function schema_version() set search_path = public', 'function schema_version(): changed', 'a function with another search_path');
select pg_temp.finds('alter function schema_version() volatile', 'function schema_version(): changed', 'a function of another volatility');
select pg_temp.finds('create function leasehold.extra() returns integer language sql as $x$ select 1 $x$; revoke all on function leasehold.extra() from public',
    'function extra(): left over', 'a foreign function');
select pg_temp.finds('create function leasehold.setting(integer) returns integer language sql as $x$ select 1 $x$; revoke all on function leasehold.setting(integer) from public',
    'function setting(integer): left over', 'an overload');
select pg_temp.finds('drop index ready_lane_idx', 'index ready_lane_idx: missing', 'a missing index');
select pg_temp.finds('drop index job_dead_idx; create index job_dead_idx on job (next_need)', 'index job_dead_idx: changed', 'an index on other columns');
select pg_temp.finds('create index extra_idx on job (payload)', 'index extra_idx: left over', 'a foreign index');
select pg_temp.finds('update pg_index set indisvalid = false where indexrelid = ''ready_lane_idx''::regclass', 'index ready_lane_idx: missing', 'an invalid index');
select pg_temp.finds('alter table deferred drop constraint deferred_kind_check', 'constraint deferred_kind_check: missing', 'a missing constraint');
select pg_temp.finds('alter table archive add constraint archive_extra_check check (priority < 5) not valid', 'constraint archive_extra_check: left over', 'a foreign constraint');
select pg_temp.finds('alter table archive add column extra integer', 'column archive.extra: left over', 'a foreign column');
select pg_temp.finds('alter table archive drop column fence', 'column archive.fence: missing', 'a missing column');
select pg_temp.finds('alter table archive alter column submitted_by type varchar(10)', 'column archive.submitted_by: changed', 'a column of another type');
select pg_temp.finds('alter table archive alter column payload drop not null', 'column archive.payload: changed', 'a column that became nullable');
select pg_temp.finds('alter table archive alter column attempt set default 1', 'column archive.attempt: changed', 'a column with another default');
select pg_temp.finds('alter table job alter column attempt set default 1', 'column job.attempt: changed; column leased.attempt: changed; column ready.attempt: changed',
    'a column of jobs, in each table of jobs');
select pg_temp.finds('alter table ready no inherit job', 'table ready: changed', 'a table that no longer inherits');
select pg_temp.finds('create table extra ()', 'table extra: left over', 'a foreign table');
select pg_temp.finds('delete from key_slot where slot = 16383', 'row key_slot: missing', 'a missing lock of singleton keys');
select pg_temp.finds('delete from secret', 'row secret: missing', 'a missing secret');
select pg_temp.finds('delete from cycle_gate', 'row cycle_gate: missing', 'a missing row');
select pg_temp.finds('create view extra as select 1 as one', 'view extra: left over', 'a foreign view');
select pg_temp.finds('drop view finished', 'grant table finished to @operator: missing; grant table finished to @reader: missing; view finished: missing', 'a missing view');
select pg_temp.finds('alter type wakeup add attribute extra integer', 'attribute wakeup.extra: left over', 'a type with an additional attribute');
select pg_temp.finds('create sequence extra', 'sequence extra: left over', 'a foreign sequence');
select pg_temp.finds('alter table job set (fillfactor = 10)', 'table job: changed', 'a table with another fillfactor');
select pg_temp.finds('create trigger extra before insert on job for each row execute function suppress_redundant_updates_trigger()', 'trigger extra: left over', 'a foreign trigger');
select pg_temp.finds('alter table ready disable trigger ready_state', 'trigger ready_state: changed', 'a disabled trigger');
select pg_temp.finds('alter table only job enable trigger job_state', 'trigger job_state: changed', 'a trigger that does not fire under replication');
select pg_temp.finds('alter table archive disable trigger user', 'trigger archive_state: changed', 'all triggers of a table disabled');
select pg_temp.finds('drop trigger submission_row on submission', 'trigger submission_row: missing', 'a missing trigger of a view');
select pg_temp.finds('update pg_trigger set tgenabled = ''D'' where tgname = ''submission_row''', 'trigger submission_row: changed', 'a trigger that was disabled in the catalog');
select pg_temp.finds('alter view dead_letter reset (security_barrier)', 'view dead_letter: changed', 'a view that is no longer a security barrier');
select pg_temp.finds('alter domain _submitted_need drop constraint no_trigger_runs_under_session_replication_role_replica',
    'constraint no_trigger_runs_under_session_replication_role_replica: missing', 'a missing trigger that refuses rows which would be lost');
select pg_temp.finds('grant usage on domain _submitted_need to public', 'grant type _submitted_need to public: left over', 'a right on a domain');
select pg_temp.finds('alter sequence fence_seq maxvalue 1000000 cycle', 'sequence fence_seq: changed', 'a sequence that cycles');
select pg_temp.finds('create rule extra as on insert to cycle_gate do instead nothing', 'rule cycle_gate.extra: left over', 'a rule');
select pg_temp.finds('alter table job enable row level security', 'table job: changed', 'row level security');
select pg_temp.finds('grant execute on function schema_version() to public', 'grant function schema_version() to public: left over', 'a right granted to PUBLIC');
select pg_temp.finds('grant insert on job to pg_monitor', 'grant table job to pg_monitor: left over', 'a right on a table');
select pg_temp.finds('grant insert (payload) on job to pg_monitor', 'grant column job.payload to pg_monitor: left over', 'a right on a column');
select pg_temp.finds('grant usage on sequence fence_seq to pg_monitor', 'grant sequence fence_seq to pg_monitor: left over', 'a right on a sequence');
select pg_temp.finds('grant create on schema leasehold to pg_monitor', 'grant schema to pg_monitor: left over', 'a right on the schema');
select pg_temp.finds('revoke execute on function submit from leasehold_submitter', 'grant function submit(' || pg_get_function_identity_arguments('submit'::regproc) || ') to @submitter: missing',
    'a right that a group lost');

select is_empty('select * from verify()', 'no discrepancy is left once each damage was undone');

-- Sequences that lag after a replication or a partial restore. The effect of setval is not rolled back.
select last_value as number from number_seq \gset
select setval('number_seq', 1, false);
select is((select string_agg(format('%s %s: %s', v.kind, v.name, v.problem), '; ') from verify() as v), 'sequence number_seq: behind its tables', 'a sequence that lags behind');
select setval('number_seq', :number);
select is_empty('select * from verify()', 'no discrepancy is left once the sequence is set');

-- The answer does not depend on the caller or its settings.
create function pg_temp.under(setting text, value text) returns text language plpgsql as $under$
declare
    v_old   constant text := current_setting(setting);
    v_found text;
begin
    perform set_config(setting, value, true);
    select string_agg(format('%s %s: %s', v.kind, v.name, v.problem), '; ') into v_found from leasehold.verify() as v;
    perform set_config(setting, v_old, true);
    return v_found;
end
$under$;
select is(pg_temp.under(s.setting, s.value), null, format('with %s = %s there is no discrepancy either', s.setting, s.value))
from (
    values ('IntervalStyle', 'sql_standard'), ('DateStyle', 'German, DMY'), ('TimeZone', 'Asia/Kathmandu'), ('quote_all_identifiers', 'on'), ('search_path', 'pg_catalog'),
        ('search_path', 'public, leasehold'), ('standard_conforming_strings', 'off'), ('bytea_output', 'escape'), ('extra_float_digits', '-15')
) as s (setting, value);
set local role leasehold_reader;
select count(*) as said from leasehold.verify() \gset
reset role;
select is(:said, 0, 'a reader gets the same answer');

select * from finish();
rollback;
