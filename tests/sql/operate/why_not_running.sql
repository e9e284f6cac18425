-- why_not_running: the reasons why nobody works on a job now.

begin;
\ir ../include/support.sql
select plan(36);

-- One reason a state -----------------------------------------------------------------------------

select submit(job_id => pg_temp.id(1), next_need => 'wn.ready');
select results_eq(format('select reason, until, waits_for from why_not_running(job_id => %L)', pg_temp.id(1)),
    $$ values ('waits_for_a_worker', null::timestamptz, null::uuid), ('no_worker_has_asked', null, null) $$,
    'a ready job waits for a worker, and nobody has asked for its need');
select is(
    (select detail from why_not_running(job_id => pg_temp.id(1)) where reason = 'no_worker_has_asked'),
    format('no worker is known to have asked for wn.ready since its first job was submitted, at %s', (job(pg_temp.id(1))).submitted_at),
    'which is said with since when'
);
select alike((select detail from why_not_running(job_id => pg_temp.id(1)) limit 1), '%0 %wn.ready%', 'none of its need is before it');
select submit(job_id => pg_temp.id(2), next_need => 'wn.ready', priority => 1);
select alike((select detail from why_not_running(job_id => pg_temp.id(1)) limit 1), '%1 %wn.ready%', 'one of a lower number goes before it');
select submit(next_need => 'wn.ready', priority => 0) from generate_series(1, 1200);
select alike((select detail from why_not_running(job_id => pg_temp.id(1)) limit 1), '%1000 or more%', 'so many are not counted to the end');

select submit(job_id => pg_temp.id(3), next_need => 'wn.scheduled', available_at => now() + interval '1 h');
select results_eq(format('select reason, until from why_not_running(job_id => %L)', pg_temp.id(3)), $$ values ('scheduled', now() + interval '1 h') $$,
    'a scheduled job waits for its time');
select pg_temp.is_due(pg_temp.id(3));
select results_eq(format('select reason, until < clock_timestamp() from why_not_running(job_id => %L)', pg_temp.id(3)), $$ values ('scheduled', true) $$,
    'also when its time came and nobody looked');
select job_id as failed, lease_id as failed_lease from pg_temp.leased('wn.failed') \gset
select fail(job_id => :'failed', lease_id => :'failed_lease', error => 'no');
select alike((select detail from why_not_running(job_id => :'failed')), '%back%1%', 'one that failed backs off, after so many attempts');

select submit(job_id => pg_temp.id(4), next_need => 'wn.blocked', wait_for => array[pg_temp.id(1), pg_temp.id(3)]);
select results_eq(format('select reason, waits_for from why_not_running(job_id => %L)', pg_temp.id(4)),
    $$ select 'blocked', pg_temp.id(1) union all select 'blocked', pg_temp.id(3) $$, 'a blocked job waits for each of its dependencies');
select fail_unheld(job_id => pg_temp.id(1), actor => 'ann', error => 'no', retryable => false);
select results_eq(format('select waits_for from why_not_running(job_id => %L) where detail ~ %L', pg_temp.id(4), 'dead'), $$ select pg_temp.id(1) $$,
    'and is told which of them is dead');

select job_id as held from pg_temp.leased('wn.held', '1 h') \gset
select results_eq(format('select reason, until = (job(job_id)).lease_expires_at, detail ~ %L from why_not_running(job_id => %L), (values (%2$L::uuid)) as j (job_id)', '\mw\M', :'held'),
    $$ values ('leased', true, true) $$, 'a leased job runs: who has it, and until when');
select pg_temp.run_out(:'held');
select is((select reason from why_not_running(job_id => :'held')), 'lease_ran_out', 'one whose lease ran out waits for somebody to look');

select results_eq(format('select reason, detail ~ %L from why_not_running(job_id => %L)', 'not_retryable', pg_temp.id(1)), $$ values ('dead', true) $$,
    'a dead job is told why it died');
select submit(job_id => pg_temp.id(5), next_need => 'wn.done');
select complete_unheld(job_id => pg_temp.id(5), actor => 'ann');
select results_eq(format('select reason, detail ~ %L from why_not_running(job_id => %L)', 'succeeded', pg_temp.id(5)), $$ values ('ended', true) $$, 'a job that succeeded has ended');
select submit(job_id => pg_temp.id(6), next_need => 'wn.done');
select cancel(job_id => pg_temp.id(6), actor => 'ann');
select results_eq(format('select reason, detail ~ %L from why_not_running(job_id => %L)', 'cancelled', pg_temp.id(6)), $$ values ('ended', true) $$, 'so has a cancelled one');

-- Its singleton key ------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(10), next_need => 'wn.key', singleton_key => 'wn.key');
select submit(job_id => pg_temp.id(11), next_need => 'wn.key', singleton_key => 'wn.key');
select results_eq(format('select reason, waits_for from why_not_running(job_id => %L)', pg_temp.id(11)), $$ select 'singleton_busy', pg_temp.id(10) $$,
    'a job behind another of its key is told which goes first');
select is((select reason from why_not_running(job_id => pg_temp.id(10)) limit 1), 'waits_for_a_worker', 'the first of its key waits for a worker');
select submit(job_id => pg_temp.id(12), next_need => 'wn.key.other', singleton_key => 'wn.key');
select job_id from get_work(worker_id => 'w', capabilities => '{wn.key}');
select results_eq(format('select reason, waits_for from why_not_running(job_id => %L)', pg_temp.id(11)), $$ select 'singleton_busy', pg_temp.id(10) $$,
    'also once that one is leased');
select results_eq(format('select reason, waits_for from why_not_running(job_id => %L)', pg_temp.id(12)), $$ select 'singleton_busy', pg_temp.id(10) $$,
    'so is the first of another need, while the key is leased');

-- Its expires_at ---------------------------------------------------------------------------------

select submit(job_id => pg_temp.id(20), next_need => 'wn.expires', expires_at => now() + interval '1 h');
select results_eq(format('select reason, until from why_not_running(job_id => %L) order by reason', pg_temp.id(20)),
    $$ values ('expires', now() + interval '1 h'), ('no_worker_has_asked', null), ('waits_for_a_worker', null) $$,
    'a job that must start by a time is told of it, too');
select pg_temp.is_late(pg_temp.id(20));
select results_eq(format('select until < clock_timestamp(), detail ~ %L from why_not_running(job_id => %L) where reason = %L', 'buried', pg_temp.id(20), 'expires'),
    'values (true, true)', 'also when that is over and nobody looked');
select submit(job_id => pg_temp.id(21), next_need => 'wn.expires', expires_at => now() + interval '1 h', wait_for => array[pg_temp.id(3)]);
select results_eq(format('select reason from why_not_running(job_id => %L) order by reason', pg_temp.id(21)), $$ values ('blocked'), ('expires') $$, 'a blocked one as well');

-- many dependencies
select submit(next_need => 'wn.many', job_id => pg_temp.id(1000 + n), available_at => now() + interval '1 h') from generate_series(1, 300) as n;
select submit(job_id => pg_temp.id(22), next_need => 'wn.many', wait_for => array(select pg_temp.id(1000 + n) from generate_series(1, 300) as n));
select cmp_ok((select count(*) from why_not_running(job_id => pg_temp.id(22))), '<=', 100::bigint, 'of many dependencies only the first are listed');

select pg_temp.changes_nothing(format('select why_not_running(job_id => %L)', pg_temp.id(4)), 'asking changes nothing');

-- Whether anybody has asked -------------------------------------------------------------------------

create function pg_temp.unasked(need text) returns boolean language plpgsql as $unasked$
declare
    v_job_id constant uuid := (submit(next_need => need)).job_id;
begin
    return exists (select from why_not_running(v_job_id) where reason = 'no_worker_has_asked');
end
$unasked$;
select ok(pg_temp.unasked('wn.typo'), 'nobody has asked for a need that no worker has');
select get_work(worker_id => 'w', capabilities => '{wn.other}');
select submit(next_need => 'wn.other');
select get_work(worker_id => 'w', capabilities => '{wn.other}');
select ok(pg_temp.unasked('wn.typo'), 'nor has a worker of another need');
select ok(not pg_temp.unasked('wn.other'), 'of a need that was asked for it is not said');
select submit(next_need => 'wn.other', priority => 5, singleton_key => 'k');
select ok(not pg_temp.unasked('wn.other'), 'nor after another lane of it was opened');
select get_work(worker_id => 'w', capabilities => '{wnp.%}'), get_work(worker_id => 'w', capabilities => '{wn.one,wn.two}');
select ok(not pg_temp.unasked('wnp.a') and not pg_temp.unasked('wn.two'), 'of a need that a prefix or a list covers, neither, be it asked for before its first job');
select ok(pg_temp.unasked('wn.typo') and pg_temp.unasked('wnp'), 'of others it is said all the same');
select submit(job_id => pg_temp.id(30), next_need => 'wn.bell'), submit(job_id => pg_temp.id(31), next_need => 'bell.a.b');
select wakeup_channel(array['wn.bell', 'bell.%'], clock_timestamp() + interval '1 min');
select results_eq(
    $$ select w.reason from unnest(array[pg_temp.id(30), pg_temp.id(31)]) as i (id) cross join lateral why_not_running(i.id) as w $$,
    $$ values ('waits_for_a_worker'), ('waits_for_a_worker') $$, 'nor is it said where somebody waits for the bell'
);
insert into lane_cache (scope, needs, priorities, numbers, sure_number, newer, seen_number, seen_by, noted_at, surveyed_at, lanes, made_at)
values ('', '{}', '{}', '{}', 0, '{}', 0, '0', clock_timestamp(), clock_timestamp(), 0, clock_timestamp());
select ok(not pg_temp.unasked('wn.typo'), 'where scopes were forgotten since its first job it cannot be known, and is not said');
update lane_cache set noted_at = noted_at - interval '1 hour' where scope = '';
select ok(pg_temp.unasked('wn.typo'), 'where that was before, it can');
select get_work(worker_id => 'w', capabilities => array(select 'wn.many.' || n from generate_series(1, 200) as n));
select ok(not pg_temp.unasked('wn.typo'), 'nor can it be known where a worker has more needs than are written down');

-- What it refuses --------------------------------------------------------------------------------

select pg_temp.refused(format('select why_not_running(job_id => %L)', pg_temp.id(99)), 'LH003', 'an unknown job');
select pg_temp.refused('select why_not_running(job_id => null)', 'LH010', 'job_id: null');

select * from finish();
rollback;
