-- job: one job, live or archived, with its state.

begin;
\ir ../include/support.sql
select plan(21);

-- A live job -------------------------------------------------------------------------------------

select submit(
    job_id => pg_temp.id(1), next_need => 'jo.full', payload => '{"a": [1, null, "ü"]}', singleton_key => 'jo.k', idempotency_key => 'jo.i', priority => 5,
    available_at => now() + interval '1 h', expires_at => now() + interval '2 h', max_attempts => 4, retry => '{"kind": "fixed"}',
    on_dependency_failure => 'release', metadata => '{"m": 1}', submitted_by => 'ann'
);
select results_eq(
    format(
        $$ select job_id, state, next_need, payload, priority, attempt, max_attempts, crashes, available_at, expires_at, submitted_by, singleton_key,
            idempotency_key, metadata, wait_for, on_dependency_failure, retry, cancel_requested, archived from job(job_id => %L) $$, pg_temp.id(1)
    ),
    $$ select pg_temp.id(1), 'scheduled', 'jo.full', '{"a": [1, null, "ü"]}'::jsonb, 5, 0, 4, 0, now() + interval '1 h', now() + interval '2 h', 'ann', 'jo.k',
        'jo.i', '{"m": 1}'::jsonb, '{}'::uuid[], 'release', '{"kind": "fixed"}'::jsonb, false, false $$,
    'it shows everything that was submitted'
);
select results_eq(
    format('select worker_id, lease_id, fence, leased_at, lease_expires_at, error, error_code, dead_reason, ended_at, result, run_id, step from job(job_id => %L)', pg_temp.id(1)),
    $$ values (null::text, null::uuid, null::bigint, null::timestamptz, null::timestamptz, null::text, null::text, null::text, null::timestamptz, null::jsonb, null::uuid, null::text) $$,
    'it shows nothing of what has not happened yet'
);
select ok((job(pg_temp.id(1))).submitted_at between now() and clock_timestamp(), 'it shows when it was submitted');

select submit(job_id => pg_temp.id(2), next_need => 'jo.plain');
select results_eq(
    format('select state, priority, max_attempts, retry, on_dependency_failure, metadata, payload, expires_at, submitted_by from job(job_id => %L)', pg_temp.id(2)),
    format($$ select 'ready', 100, 3, setting('retry')::jsonb, 'hold', '{}'::jsonb, '{}'::jsonb, null::timestamptz, %L $$, current_user),
    'it shows the defaults in force for arguments that were not given'
);
select submit(job_id => pg_temp.id(3), next_need => 'jo.blocked', wait_for => array[pg_temp.id(1), pg_temp.id(2)]);
select results_eq(format('select state, wait_for from job(job_id => %L)', pg_temp.id(3)), $$ values ('blocked', array[pg_temp.id(1), pg_temp.id(2)]) $$,
    'it shows the dependencies');

-- A leased one -----------------------------------------------------------------------------------

select lease_id, fence from get_work(worker_id => 'w', capabilities => '{jo.plain}', lease => '1 h') \gset
select results_eq(
    format($$ select state, worker_id, lease_id, fence, attempt, lease_expires_at - leased_at from job(job_id => %L) $$, pg_temp.id(2)),
    format($$ values ('leased', 'w', %L::uuid, %s::bigint, 1, interval '1 h') $$, :'lease_id', :'fence'),
    'it shows the worker and the end of its lease'
);
select cancel(job_id => pg_temp.id(2), actor => 'ann');
select ok((job(pg_temp.id(2))).cancel_requested, 'it shows that its cancellation was requested');

-- An ended one -----------------------------------------------------------------------------------

select complete(job_id => pg_temp.id(2), lease_id => :'lease_id', result => '{"r": 1}');
select results_eq(
    format($$ select state, result, archived, attempt, worker_id, lease_id, fence, ended_at >= leased_at from job(job_id => %L) $$, pg_temp.id(2)),
    format($$ values ('succeeded', '{"r": 1}'::jsonb, true, 1, 'w', %L::uuid, %s::bigint, true) $$, :'lease_id', :'fence'),
    'of a job that succeeded it shows the result and the worker'
);
select cancel(job_id => pg_temp.id(1), actor => 'ann');
select results_eq(
    format(
        $$ select state, next_need, payload, priority, attempt, max_attempts, crashes, available_at, expires_at, submitted_by, singleton_key,
            idempotency_key, metadata, wait_for, on_dependency_failure, retry, archived, ended_at between now() and clock_timestamp() from job(job_id => %L) $$, pg_temp.id(1)
    ),
    $$ select 'cancelled', 'jo.full', '{"a": [1, null, "ü"]}'::jsonb, 5, 0, 4, 0, now() + interval '1 h', now() + interval '2 h', 'ann', 'jo.k',
        'jo.i', '{"m": 1}'::jsonb, '{}'::uuid[], 'release', '{"kind": "fixed"}'::jsonb, true, true $$,
    'of a cancelled job it shows everything that was submitted'
);

-- A dead one -------------------------------------------------------------------------------------

select job_id as dead, lease_id as dead_lease from pg_temp.leased('jo.dead') \gset
select fail(job_id => :'dead', lease_id => :'dead_lease', error => 'printer on fire', error_code => 'fire', retryable => false);
select results_eq(
    format('select state, dead_reason, error, error_code, archived, ended_at is not null from job(job_id => %L)', :'dead'),
    $$ values ('dead', 'not_retryable', 'printer on fire', 'fire', false, true) $$, 'of a dead job it shows why it died'
);

select pg_temp.changes_nothing(format('select job(job_id => %L)', :'dead'), 'asking changes nothing');

-- Its leases over its whole life ----------------------------------------------------------------------

select submit(job_id => pg_temp.id(10), next_need => 'jo.life', max_attempts => 20);
select results_eq(
    format('select crashes, leases_run_out, extended_at from job(job_id => %L)', pg_temp.id(10)), 'values (0, 0, null::timestamptz)', 'a new job has no crash and no expired lease'
);
select lease_id as life_lease from get_work(worker_id => 'w', capabilities => '{jo.life}', lease => '1 h') \gset
select is((job(pg_temp.id(10))).extended_at, null, 'a lease that was not extended yet has no extended_at');
select extend(job_id => pg_temp.id(10), lease_id => :'life_lease', lease => '2 h');
select ok((job(pg_temp.id(10))).extended_at between now() and clock_timestamp(), 'it shows when the lease was last extended');
select pg_temp.run_out(pg_temp.id(10));
select sweep();
select results_eq(
    format('select state, crashes, leases_run_out, extended_at from job(job_id => %L)', pg_temp.id(10)), $$ values ('scheduled', 1, 1, null::timestamptz) $$,
    'an expired lease is counted'
);
-- a failure ends the crashes in a row, not the count
create function pg_temp.again() returns uuid language plpgsql as $again$
declare
    v_work work;
begin
    perform pg_temp.is_due(pg_temp.id(10));
    perform sweep();
    select w.* into v_work from get_work(worker_id => 'w', capabilities => '{jo.life}') as w;
    return v_work.lease_id;
end
$again$;
select fail(job_id => pg_temp.id(10), lease_id => pg_temp.again(), error => 'no');
select pg_temp.again();
select pg_temp.run_out(pg_temp.id(10));
select sweep();
select pg_temp.again();
select pg_temp.run_out(pg_temp.id(10));
select sweep();
select pg_temp.again();
select pg_temp.run_out(pg_temp.id(10));
select sweep();
select results_eq(
    format('select state, dead_reason, leases_run_out from job(job_id => %L)', pg_temp.id(10)), $$ values ('dead', 'crash_loop', 4) $$, 'the one that buried it is counted too'
);
select redrive(job_id => pg_temp.id(10), actor => 'ann');
select is((job(pg_temp.id(10))).leases_run_out, 4, 'a redrive keeps the count');
-- the count does not depend on the reason of the burial
select submit(job_id => pg_temp.id(11), next_need => 'jo.once', max_attempts => 1);
select submit(job_id => pg_temp.id(12), next_need => 'jo.once');
select get_work(worker_id => 'w', capabilities => '{jo.once}', limit_jobs => 2);
select cancel(job_id => pg_temp.id(12), actor => 'ann');
select pg_temp.run_out(pg_temp.id(n)) from generate_series(11, 12) as n;
select sweep();
select results_eq(
    $$ select i.state, i.dead_reason, i.leases_run_out from generate_series(11, 12) as n cross join lateral job(job_id => pg_temp.id(n)) as i $$,
    $$ values ('dead', 'attempts_exhausted', 1), ('cancelled', null, 1) $$, 'the last attempt and one whose cancellation was requested count as well'
);

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.refused(format('select job(job_id => %L)', pg_temp.id(99)), 'LH003', 'an unknown job');
select pg_temp.refused('select job(job_id => null)', 'LH010', 'job_id: null');
select is(pg_temp.detail_of(format('select job(job_id => %L)', pg_temp.id(99))), jsonb_build_object('job_id', pg_temp.id(99)), 'DETAIL names the job');

select * from finish();
rollback;
