-- lease_status: lets a handler ask whether its lease is current.

begin;
\ir ../include/support.sql
select plan(34);

-- Answers ----------------------------------------------------------------------------------------

select job_id, lease_id from pg_temp.leased('ls.held', '60 s') \gset
select results_eq(
    format($$ select held, cancel_requested, remaining > '50 s' and remaining <= '60 s' from lease_status(job_id => %L, lease_id => %L) $$, :'job_id', :'lease_id'),
    'values (true, false, true)',
    'a current lease is held, and its remaining time is returned'
);
select pg_temp.changes_nothing(format('select lease_status(job_id => %L, lease_id => %L)', :'job_id', :'lease_id'), 'asking changes nothing');
select extend(job_id => :'job_id', lease_id => :'lease_id', lease => '1 hour');
select cmp_ok((lease_status(job_id => :'job_id', lease_id => :'lease_id')).remaining, '>', interval '59 min', 'after extend the remaining time is longer');

select cancel(job_id => :'job_id', actor => 'ann');
select results_eq(
    format('select held, cancel_requested from lease_status(job_id => %L, lease_id => %L)', :'job_id', :'lease_id'), 'values (true, true)',
    'after cancel the lease is still held, with cancellation requested'
);
select fail(job_id => :'job_id', lease_id => :'lease_id', error => 'stopped');
select results_eq(
    format('select held, cancel_requested, remaining from lease_status(job_id => %L, lease_id => %L)', :'job_id', :'lease_id'),
    'values (false, true, null::interval)', 'once the job is cancelled, the lease is no longer held'
);

select job_id as done, lease_id as done_lease from pg_temp.leased('ls.done') \gset
select complete(job_id => :'done', lease_id => :'done_lease');
select results_eq(
    format('select held, cancel_requested, remaining from lease_status(job_id => %L, lease_id => %L)', :'done', :'done_lease'),
    'values (false, false, null::interval)', 'once the job is completed, the lease is no longer held'
);

select job_id as late, lease_id as late_lease from pg_temp.leased('ls.late') \gset
select pg_temp.run_out(:'late');
select results_eq(
    format($$ select held, remaining < '0' from lease_status(job_id => %L, lease_id => %L) $$, :'late', :'late_lease'), 'values (true, true)',
    'an expired lease is current until somebody reclaims it; its remaining time is negative'
);
select sweep();
select results_eq(
    format('select held, cancel_requested, remaining from lease_status(job_id => %L, lease_id => %L)', :'late', :'late_lease'),
    'values (false, false, null::interval)', 'once it is reclaimed, it is no longer held'
);
select pg_temp.is_due(:'late');
select lease_id as next_lease from get_work(worker_id => 'w', capabilities => '{ls.late}') \gset
select ok(not (lease_status(job_id => :'late', lease_id => :'late_lease')).held, 'it is not held when the next lease is current either');
select ok((lease_status(job_id => :'late', lease_id => :'next_lease')).held, 'that one is held');

select job_id as dead, lease_id as dead_lease from pg_temp.leased('ls.dead') \gset
select fail(job_id => :'dead', lease_id => :'dead_lease', error => 'no', retryable => false);
select ok(not (lease_status(job_id => :'dead', lease_id => :'dead_lease')).held, 'nobody holds a dead job');
select job_id as moved, lease_id as moved_lease from pg_temp.leased('ls.moved') \gset
select reschedule(job_id => :'moved', lease_id => :'moved_lease');
select ok(not (lease_status(job_id => :'moved', lease_id => :'moved_lease')).held, 'nobody holds a rescheduled job');
select job_id as given, lease_id as given_lease from pg_temp.leased('ls.given') \gset
select release(job_id => :'given', lease_id => :'given_lease');
select ok(not (lease_status(job_id => :'given', lease_id => :'given_lease')).held, 'nobody holds a released job');

select submit(job_id => pg_temp.id(1), next_need => 'ls.ready');
select results_eq(
    format('select held, cancel_requested, remaining from lease_status(job_id => %L, lease_id => %L)', pg_temp.id(1), gen_random_uuid()),
    'values (false, false, null::interval)', 'nobody holds a job that was never leased'
);
select results_eq(
    format('select held, cancel_requested, remaining from lease_status(job_id => %L, lease_id => %L)', :'late', gen_random_uuid()),
    'values (false, false, null::interval)', 'a made-up lease is not held, and learns nothing of the current one'
);
select complete_unheld(job_id => pg_temp.id(1), actor => 'ann');
select ok(not (lease_status(job_id => pg_temp.id(1), lease_id => gen_random_uuid())).held, 'nobody holds a job that ended unheld');
select submit(job_id => pg_temp.id(2), next_need => 'ls.ready');
select cancel(job_id => pg_temp.id(2), actor => 'ann');
select results_eq(
    format('select held, cancel_requested from lease_status(job_id => %L, lease_id => %L)', pg_temp.id(2), gen_random_uuid()),
    'values (false, true)', 'a job that was cancelled unheld is cancelled'
);

-- The job's state, and the result for the lease that made it -----------------------------------------------

select job_id as with_result, lease_id as with_lease from pg_temp.leased('ls.result') \gset
select is((lease_status(job_id => :'with_result', lease_id => :'with_lease')).state, 'leased', 'the state of the job is returned');
select complete(job_id => :'with_result', lease_id => :'with_lease', result => '{"r": [1]}');
select results_eq(
    format('select held, state, result from lease_status(job_id => %L, lease_id => %L)', :'with_result', :'with_lease'),
    $$ values (false, 'succeeded', '{"r": [1]}'::jsonb) $$, 'the lease that completed the job gets its result'
);
select results_eq(
    format('select held, state, result from lease_status(job_id => %L, lease_id => %L)', :'with_result', gen_random_uuid()),
    $$ values (false, 'succeeded', null::jsonb) $$, 'no other lease does'
);
select results_eq(
    format('select state, result from lease_status(job_id => %L, lease_id => %L)', :'done', :'done_lease'), $$ values ('succeeded', null::jsonb) $$, 'without a result it is null'
);
select complete_unheld(job_id => :'given', actor => 'ann', result => '{"by": "ann"}');
select results_eq(
    format('select state, result from lease_status(job_id => %L, lease_id => %L)', :'given', :'given_lease'),
    $$ values ('succeeded', null::jsonb) $$, 'a lease that released the job does not get the result with which another one completed it'
);
select results_eq(
    format('select state, result from lease_status(job_id => %L, lease_id => %L)', s.job_id, s.lease_id), format($$ values (%L, null::jsonb) $$, s.state), 'a job that is ' || s.state
)
from (
    values (:'late'::uuid, :'late_lease'::uuid, 'leased'), (:'dead', :'dead_lease', 'dead'), (:'moved', :'moved_lease', 'ready'), (:'job_id', :'lease_id', 'cancelled'),
        (pg_temp.id(2), gen_random_uuid(), 'cancelled')
) as s (job_id, lease_id, state);
set local role leasehold_worker;
select result as seen from leasehold.lease_status(job_id => :'with_result', lease_id => :'with_lease') \gset
reset role;
select is(:'seen'::jsonb, '{"r": [1]}', 'a worker needs no other right for it');

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.refused(format('select lease_status(job_id => %L, lease_id => %L)', pg_temp.id(99), :'lease_id'), 'LH003', 'an unknown job');
select pg_temp.refused(format('select lease_status(job_id => null, lease_id => %L)', :'lease_id'), 'LH010', 'job_id: null');
select pg_temp.refused(format('select lease_status(job_id => %L, lease_id => null)', :'late'), 'LH010', 'lease_id: null');
select is(pg_temp.detail_of(format('select lease_status(job_id => %L, lease_id => %L)', pg_temp.id(99), :'lease_id')) ->> 'job_id',
    pg_temp.id(99)::text, 'DETAIL names the job');
select is(pg_temp.detail_of('select lease_status(job_id => null, lease_id => null)') ->> 'argument', 'job_id', 'DETAIL names the argument');

-- it works in a read-only transaction
savepoint before;
set transaction read only;
select held from lease_status(job_id => :'late', lease_id => :'next_lease') \gset
rollback to before;
select ok(:'held', 'it can be asked in a read-only transaction');

select * from finish();
rollback;
