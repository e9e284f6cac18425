-- job_payload: the contents of a job, for roles to which the owner grants it; job shows them to the same roles.

begin;
\ir ../include/support.sql
select plan(26);

select submit(job_id => pg_temp.id(1), next_need => 'jp.a', payload => '{"p": 1}', metadata => '{"m": 1}');
select results_eq(
    format('select * from job_payload(job_id => %L)', pg_temp.id(1)), $$ values ('{"p": 1}'::jsonb, '{"m": 1}'::jsonb, null::jsonb) $$, 'of a live job it returns payload and metadata'
);
select submit(job_id => pg_temp.id(2), next_need => 'jp.plain');
select results_eq(
    format('select * from job_payload(job_id => %L)', pg_temp.id(2)), $$ values ('{}'::jsonb, '{}'::jsonb, null::jsonb) $$, 'of a job that was submitted without them it returns the defaults'
);
select lease_id from get_work(worker_id => 'w', capabilities => '{jp.a}') \gset
select is((job_payload(pg_temp.id(1))).payload, '{"p": 1}', 'it returns the contents of a leased job');
select pg_temp.changes_nothing(format('select job_payload(job_id => %L)', pg_temp.id(1)), 'asking changes nothing');

-- The roles that may see the contents ------------------------------------------------------------------

-- What a role sees of a job: its state, and which of the restricted columns
create function pg_temp.told(role text, id uuid) returns text language plpgsql as $told$
declare
    v_info leasehold.job_info;
begin
    execute format('set local role %I', role);
    v_info := leasehold.job(id);
    reset role;
    return concat_ws(
        ' ', v_info.state, v_info.next_need,
        case when v_info.payload is not null then 'payload' end, case when v_info.metadata is not null then 'metadata' end,
        case when v_info.result is not null then 'result' end, case when v_info.lease_id is not null then 'lease_id' end
    );
exception
    when others then
        return sqlstate;
end
$told$;
create role tap_nobody;
create role tap_app;
grant leasehold_reader to tap_app;
select is(pg_temp.told(r.role, pg_temp.id(1)), 'leased jp.a' || r.more, r.role || ' sees of a leased job' || r.words)
from (
    values ('leasehold_submitter', '', ' its state alone'), ('leasehold_worker', '', ' its state alone'), ('leasehold_reader', '', ' its state alone'),
        ('tap_app', '', ' its state alone'), ('leasehold_operator', ' payload metadata lease_id', ' its contents as well')
) as r (role, more, words);
select is(pg_temp.told('tap_nobody', pg_temp.id(1)), '42501', 'and no other role sees anything');
select complete(job_id => pg_temp.id(1), lease_id => :'lease_id', result => '{"r": 1}');
select is((job_payload(pg_temp.id(1))).result, '{"r": 1}', 'it returns the result of a job that has ended');
select is(pg_temp.told(r.role, pg_temp.id(1)), 'succeeded jp.a' || r.more, r.role || ' sees of a job that ended' || r.words)
from (
    values ('leasehold_submitter', '', ' its state alone'), ('leasehold_worker', '', ' its state alone'), ('leasehold_reader', '', ' its state alone'),
        ('tap_app', '', ' its state alone'), ('leasehold_operator', ' payload metadata result lease_id', ' its contents as well')
) as r (role, more, words);
grant execute on function job_payload to tap_app;
select is(pg_temp.told('tap_app', pg_temp.id(1)), 'succeeded jp.a payload metadata result lease_id', 'a role to which the owner grants it sees the contents in job as well');
select is(pg_temp.told(current_user, pg_temp.id(1)), 'succeeded jp.a payload metadata result lease_id', 'the owner sees the contents in job');

-- A login that took on a role has the rights of that role.
grant leasehold_worker, leasehold_operator to tap_nobody;
select is(pg_temp.told('tap_nobody', pg_temp.id(1)), 'succeeded jp.a payload metadata result lease_id', 'a member of several groups may do what any of them may');
select is(pg_temp.told('leasehold_worker', pg_temp.id(1)), 'succeeded jp.a', 'but only as itself, not after SET ROLE to another role');
select is_empty(
    $$ select r.rolname from pg_roles as r where r.rolname ~ '^leasehold_' and has_function_privilege(r.oid, 'job_payload(uuid)', 'execute') and r.rolname <> 'leasehold_operator' $$,
    'of the groups only operators may call it'
);
select is(
    (select array_agg(a.attname::text) from pg_attribute as a where a.attrelid = 'payload_info'::regclass and a.attnum > 0), '{payload,metadata,result}', 'the columns that it returns'
);

-- Refusals ---------------------------------------------------------------------------------------------

select pg_temp.refused(format('select job_payload(job_id => %L)', pg_temp.id(99)), 'LH003', 'an unknown job');
select pg_temp.refused('select job_payload(job_id => null)', 'LH010', 'job_id: null');
select is(pg_temp.detail_of(format('select job_payload(job_id => %L)', pg_temp.id(99))), jsonb_build_object('job_id', pg_temp.id(99)), 'DETAIL names the job');
select is(pg_temp.detail_of('select job_payload(job_id => null)') ->> 'argument', 'job_id', 'DETAIL names the argument');

select * from finish();
rollback;
