-- why_not_running: the reasons why no worker runs a job now.

begin;
\ir ../include/support.sql
select plan(36);

-- The reason for each state ----------------------------------------------------------------------

select submit(job_id => pg_temp.id(1), next_need => 'wn.ready');
select results_eq(format('select reason, until, waits_for from why_not_running(job_id => %L)', pg_temp.id(1)),
    $$ values ('waits_for_a_worker', null::timestamptz, null::uuid), ('no_worker_has_asked', null, null) $$,
    'a ready job waits for a worker, and no worker has asked for its need');
select is(
    (select detail from why_not_running(job_id => pg_temp.id(1)) where reason = 'no_worker_has_asked'),
    format('no worker is known to have asked for wn.ready since its first job was submitted, at %s', (job(pg_temp.id(1))).submitted_at),
    'it shows since when'
);
select alike((select detail from why_not_running(job_id => pg_temp.id(1)) limit 1), '%0 %wn.ready%', 'no job of its need is before it');
select submit(job_id => pg_temp.id(2), next_need => 'wn.ready', priority => 1);
select alike((select detail from why_not_running(job_id => pg_temp.id(1)) limit 1), '%1 %wn.ready%', 'a job with a lower priority number goes before it');
select submit(next_need => 'wn.ready', priority => 0) from generate_series(1, 1200);
select alike((select detail from why_not_running(job_id => pg_temp.id(1)) limit 1), '%1000 or more%', 'beyond a limit the jobs before it are not counted');

select submit(job_id => pg_temp.id(3), next_need => 'wn.scheduled', available_at => now() + interval '1 h');
select results_eq(format('select reason, until from why_not_running(job_id => %L)', pg_temp.id(3)), $$ values ('scheduled', now() + interval '1 h') $$,
    'a scheduled job waits for its time');
select pg_temp.is_due(pg_temp.id(3));
select results_eq(format('select reason, until < clock_timestamp() from why_not_running(job_id => %L)', pg_temp.id(3)), $$ values ('scheduled', true) $$,
    'it shows the same when its time has come and no maintenance has run');
select job_id as failed, lease_id as failed_lease from pg_temp.leased('wn.failed') \gset
select fail(job_id => :'failed', lease_id => :'failed_lease', error => 'no');
select alike((select detail from why_not_running(job_id => :'failed')), '%back%1%', 'a job that failed backs off, after that many attempts');

select submit(job_id => pg_temp.id(4), next_need => 'wn.blocked', wait_for => array[pg_temp.id(1), pg_temp.id(3)]);
select results_eq(format('select reason, waits_for from why_not_running(job_id => %L)', pg_temp.id(4)),
    $$ select 'blocked', pg_temp.id(1) union all select 'blocked', pg_temp.id(3) $$, 'a blocked job waits for each of its dependencies');
select fail_unheld(job_id => pg_temp.id(1), actor => 'ann', error => 'no', retryable => false);
select results_eq(format('select waits_for from why_not_running(job_id => %L) where detail ~ %L', pg_temp.id(4), 'dead'), $$ select pg_temp.id(1) $$,
    'it shows which of them is dead');

select job_id as held from pg_temp.leased('wn.held', '1 h') \gset
select results_eq(format('select reason, until = (job(job_id)).lease_expires_at, detail ~ %L from why_not_running(job_id => %L), (values (%2$L::uuid)) as j (job_id)', '\mw\M', :'held'),
    $$ values ('leased', true, true) $$, 'a leased job runs: it shows the worker and the end of the lease');
select pg_temp.run_out(:'held');
select is((select reason from why_not_running(job_id => :'held')), 'lease_ran_out', 'a job whose lease has expired waits for maintenance');

select results_eq(format('select reason, detail ~ %L from why_not_running(job_id => %L)', 'not_retryable', pg_temp.id(1)), $$ values ('dead', true) $$,
    'a dead job shows why it died');
select submit(job_id => pg_temp.id(5), next_need => 'wn.done');
select complete_unheld(job_id => pg_temp.id(5), actor => 'ann');
select results_eq(format('select reason, detail ~ %L from why_not_running(job_id => %L)', 'succeeded', pg_temp.id(5)), $$ values ('ended', true) $$, 'a job that succeeded has ended');
select submit(job_id => pg_temp.id(6), next_need => 'wn.done');
select cancel(job_id => pg_temp.id(6), actor => 'ann');
select results_eq(format('select reason, detail ~ %L from why_not_running(job_id => %L)', 'cancelled', pg_temp.id(6)), $$ values ('ended', true) $$, 'a cancelled job has ended too');

-- Its singleton key ------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(10), next_need => 'wn.key', singleton_key => 'wn.key');
select submit(job_id => pg_temp.id(11), next_need => 'wn.key', singleton_key => 'wn.key');
select results_eq(format('select reason, waits_for from why_not_running(job_id => %L)', pg_temp.id(11)), $$ select 'singleton_busy', pg_temp.id(10) $$,
    'a job behind another of its key shows which one goes first');
select is((select reason from why_not_running(job_id => pg_temp.id(10)) limit 1), 'waits_for_a_worker', 'the first of its key waits for a worker');
select submit(job_id => pg_temp.id(12), next_need => 'wn.key.other', singleton_key => 'wn.key');
select job_id from get_work(worker_id => 'w', capabilities => '{wn.key}');
select results_eq(format('select reason, waits_for from why_not_running(job_id => %L)', pg_temp.id(11)), $$ select 'singleton_busy', pg_temp.id(10) $$,
    'it shows the same when that one is leased');
select results_eq(format('select reason, waits_for from why_not_running(job_id => %L)', pg_temp.id(12)), $$ select 'singleton_busy', pg_temp.id(10) $$,
    'so does the first of another need while the key is leased');

-- Its expires_at ---------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(20), next_need => 'wn.expires', expires_at => now() + interval '1 h');
select results_eq(format('select reason, until from why_not_running(job_id => %L) order by reason', pg_temp.id(20)),
    $$ values ('expires', now() + interval '1 h'), ('no_worker_has_asked', null), ('waits_for_a_worker', null) $$,
    'a job with an expires_at shows it too');
select pg_temp.is_late(pg_temp.id(20));
select results_eq(format('select until < clock_timestamp(), detail ~ %L from why_not_running(job_id => %L) where reason = %L', 'buried', pg_temp.id(20), 'expires'),
    'values (true, true)', 'it shows the same when that has passed and no maintenance has run');
select submit(job_id => pg_temp.id(21), next_need => 'wn.expires', expires_at => now() + interval '1 h', wait_for => array[pg_temp.id(3)]);
select results_eq(format('select reason from why_not_running(job_id => %L) order by reason', pg_temp.id(21)), $$ values ('blocked'), ('expires') $$, 'a blocked job shows it as well');

-- many dependencies
select submit(next_need => 'wn.many', job_id => pg_temp.id(1000 + n), available_at => now() + interval '1 h') from generate_series(1, 300) as n;
select submit(job_id => pg_temp.id(22), next_need => 'wn.many', wait_for => array(select pg_temp.id(1000 + n) from generate_series(1, 300) as n));
select cmp_ok((select count(*) from why_not_running(job_id => pg_temp.id(22))), '<=', 100::bigint, 'of many dependencies only the first are listed');

select pg_temp.changes_nothing(format('select why_not_running(job_id => %L)', pg_temp.id(4)), 'asking changes nothing');

-- Whether a worker has asked for the need -----------------------------------------------------------

create function pg_temp.unasked(need text) returns boolean language plpgsql as $unasked$
declare
    v_job_id constant uuid := (submit(next_need => need)).job_id;
begin
    return exists (select from why_not_running(v_job_id) where reason = 'no_worker_has_asked');
end
$unasked$;
select ok(pg_temp.unasked('wn.typo'), 'no worker has asked for a need that no worker has');
select get_work(worker_id => 'w', capabilities => '{wn.other}');
select submit(next_need => 'wn.other');
select get_work(worker_id => 'w', capabilities => '{wn.other}');
select ok(pg_temp.unasked('wn.typo'), 'a worker of another need does not count');
select ok(not pg_temp.unasked('wn.other'), 'a need for which a worker has asked is not reported');
select submit(next_need => 'wn.other', priority => 5, singleton_key => 'k');
select ok(not pg_temp.unasked('wn.other'), 'not even after another lane of it was opened');
select get_work(worker_id => 'w', capabilities => '{wnp.%}'), get_work(worker_id => 'w', capabilities => '{wn.one,wn.two}');
select ok(not pg_temp.unasked('wnp.a') and not pg_temp.unasked('wn.two'), 'a need that a prefix or a list covers is not reported either, even if a worker asked before its first job');
select ok(pg_temp.unasked('wn.typo') and pg_temp.unasked('wnp'), 'other needs are reported all the same');
select submit(job_id => pg_temp.id(30), next_need => 'wn.woken'), submit(job_id => pg_temp.id(31), next_need => 'woken.a.b');
select wakeup_channel(array['wn.woken', 'woken.%'], clock_timestamp() + interval '1 min');
select results_eq(
    $$ select w.reason from unnest(array[pg_temp.id(30), pg_temp.id(31)]) as i (id) cross join lateral why_not_running(i.id) as w $$,
    $$ values ('waits_for_a_worker'), ('waits_for_a_worker') $$, 'nor is it reported where a worker waits to be woken'
);
insert into lane_cache (scope, needs, priorities, numbers, sure_number, newer, seen_number, seen_by, noted_at, surveyed_at, lanes, made_at)
values ('', '{}', '{}', '{}', 0, '{}', 0, '0', clock_timestamp(), clock_timestamp(), 0, clock_timestamp());
select ok(not pg_temp.unasked('wn.typo'), 'if scopes were removed since its first job the answer is unknown, and it is not reported');
update lane_cache set noted_at = noted_at - interval '1 hour' where scope = '';
select ok(pg_temp.unasked('wn.typo'), 'if they were removed before that, it is reported');
select get_work(worker_id => 'w', capabilities => array(select 'wn.many.' || n from generate_series(1, 200) as n));
select ok(not pg_temp.unasked('wn.typo'), 'it is also unknown if a worker has more needs than are recorded');

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.refused(format('select why_not_running(job_id => %L)', pg_temp.id(99)), 'LH003', 'an unknown job');
select pg_temp.refused('select why_not_running(job_id => null)', 'LH010', 'job_id: null');

select * from finish();
rollback;
