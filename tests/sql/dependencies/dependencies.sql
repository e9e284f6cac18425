-- Dependencies: every policy of on_dependency_failure, every end of a dependency, before and after the submit; redrives; no job is left stranded.

begin;
\ir ../include/support.sql
select plan(102);

-- Ends a job as succeeded, dead or cancelled, through its lease or unheld.
create function pg_temp.end_as(id uuid, end_state text, leased boolean) returns void language plpgsql as $end_as$
declare
    v_lease uuid;
begin
    if leased then
        select w.lease_id into strict v_lease from get_work(worker_id => 'w', capabilities => array[(job(id)).next_need]) as w;
        if end_state = 'succeeded' then
            perform complete(job_id => id, lease_id => v_lease, result => '"done"');
        elsif end_state = 'dead' then
            perform fail(job_id => id, lease_id => v_lease, error => 'no', retryable => false);
        else
            perform cancel(job_id => id, actor => 'ann');
            perform release(job_id => id, lease_id => v_lease);
        end if;
    elsif end_state = 'succeeded' then
        perform complete_unheld(job_id => id, actor => 'ann', result => '"done"');
    elsif end_state = 'dead' then
        perform fail_unheld(job_id => id, actor => 'ann', error => 'no', retryable => false);
    else
        perform cancel(job_id => id, actor => 'ann');
    end if;
end
$end_as$;

-- The outcome for a dependent: its state and why it is dead.
create function pg_temp.fate(id uuid) returns text language sql as $fate$
    select concat_ws(' ', i.state, i.dead_reason) from job(job_id => id) as i;
$fate$;

-- The table: policy × end -------------------------------------------------------------------------

create temporary table rule (policy text, end_state text, fate text);
insert into rule values
    ('hold', 'succeeded', 'ready'), ('hold', 'dead', 'blocked'), ('hold', 'cancelled', 'dead dependency_failed'),
    ('cascade', 'succeeded', 'ready'), ('cascade', 'dead', 'dead dependency_failed'), ('cascade', 'cancelled', 'cancelled'),
    ('release', 'succeeded', 'ready'), ('release', 'dead', 'ready'), ('release', 'cancelled', 'ready');

create function pg_temp.try(n integer, policy text, end_state text, leased boolean, before boolean) returns text language plpgsql as $try$
begin
    perform submit(job_id => pg_temp.id(n), next_need => 'de.parent' || n);
    if before then
        perform pg_temp.end_as(pg_temp.id(n), end_state, leased);
    end if;
    perform submit(job_id => pg_temp.id(n + 1), next_need => 'de.child' || n, wait_for => array[pg_temp.id(n)], on_dependency_failure => policy);
    if not before then
        if pg_temp.fate(pg_temp.id(n + 1)) <> 'blocked' then
            return 'was not blocked at first';
        end if;
        perform pg_temp.end_as(pg_temp.id(n), end_state, leased);
    end if;
    return pg_temp.fate(pg_temp.id(n + 1));
end
$try$;

select is(
    pg_temp.try(10 * row_number() over ()::integer, r.policy, r.end_state, l.leased, b.before), r.fate,
    format('%s: a dependency that %s %s its submit: %s (ended by %s)', r.policy, r.end_state, case when b.before then 'before' else 'after' end, r.fate,
        case when l.leased then 'its worker' else 'a person' end)
)
from rule as r, (values (true), (false)) as l (leased), (values (true), (false)) as b (before);

-- the same by reschedule_unheld, reschedule and submit_many
create function pg_temp.try_reschedule(n integer, policy text, end_state text, leased boolean) returns text language plpgsql as $try_reschedule$
declare
    v_lease uuid;
begin
    perform submit(job_id => pg_temp.id(n), next_need => 'de.parent' || n);
    perform pg_temp.end_as(pg_temp.id(n), end_state, false);
    perform submit(job_id => pg_temp.id(n + 1), next_need => 'de.child' || n);
    if leased then
        select w.lease_id into strict v_lease from get_work(worker_id => 'w', capabilities => array['de.child' || n]) as w;
        perform reschedule(job_id => pg_temp.id(n + 1), lease_id => v_lease, wait_for => array[pg_temp.id(n)], on_dependency_failure => policy);
    else
        perform reschedule_unheld(job_id => pg_temp.id(n + 1), actor => 'ann', wait_for => array[pg_temp.id(n)], on_dependency_failure => policy);
    end if;
    return pg_temp.fate(pg_temp.id(n + 1));
end
$try_reschedule$;

select is(
    pg_temp.try_reschedule(1000 + 10 * row_number() over ()::integer, r.policy, r.end_state, l.leased), r.fate,
    format('%s: a dependency that %s before the %s: %s', r.policy, r.end_state, case when l.leased then 'reschedule' else 'reschedule_unheld' end, r.fate)
)
from rule as r, (values (true), (false)) as l (leased);

-- the answer of submit says the same
select submit(job_id => pg_temp.id(2001), next_need => 'de.dead');
select submit(job_id => pg_temp.id(2002), next_need => 'de.gone');
select pg_temp.end_as(pg_temp.id(2001), 'dead', false);
select pg_temp.end_as(pg_temp.id(2002), 'cancelled', false);
select is((submit(next_need => 'de.a', wait_for => array[pg_temp.id(2001)], on_dependency_failure => 'cascade')).state, 'dead', 'submit answers that the job died at once');
select is((submit(next_need => 'de.a', wait_for => array[pg_temp.id(2002)], on_dependency_failure => 'cascade')).state, 'cancelled', 'submit answers that the job was cancelled at once');
select is((submit(next_need => 'de.a', wait_for => array[pg_temp.id(2002)], on_dependency_failure => 'release', available_at => now() + interval '1 h')).state, 'scheduled',
    'submit answers that the job waits only for its time');

-- Several dependencies ----------------------------------------------------------------------------

select submit(job_id => pg_temp.id(2010 + n), next_need => 'de.several') from generate_series(1, 3) as n;
select submit(job_id => pg_temp.id(2020), next_need => 'de.join', wait_for => array[pg_temp.id(2011), pg_temp.id(2012), pg_temp.id(2013), pg_temp.id(2011)]);
select pg_temp.end_as(pg_temp.id(2012), 'succeeded', false);
select pg_temp.end_as(pg_temp.id(2011), 'succeeded', false);
select is(pg_temp.fate(pg_temp.id(2020)), 'blocked', 'a job with three dependencies is still blocked after two of them succeeded');
select is((select count(*) from dependency where job_id = pg_temp.id(2020)), 1::bigint, 'it waits for one more');
select pg_temp.end_as(pg_temp.id(2013), 'succeeded', false);
select is(pg_temp.fate(pg_temp.id(2020)), 'ready', 'it is ready after the third');
select is((select results from get_work(worker_id => 'w', capabilities => '{de.join}')),
    jsonb_build_object(pg_temp.id(2011), 'done', pg_temp.id(2012), 'done', pg_temp.id(2013), 'done'), 'its worker gets all their results');

select submit(job_id => pg_temp.id(2030 + n), next_need => 'de.several') from generate_series(1, 3) as n;
select submit(job_id => pg_temp.id(2040), next_need => 'de.mixed', wait_for => array[pg_temp.id(2031), pg_temp.id(2032), pg_temp.id(2033)], on_dependency_failure => 'release');
select pg_temp.end_as(pg_temp.id(2031), 'dead', false);
select pg_temp.end_as(pg_temp.id(2032), 'cancelled', false);
select is(pg_temp.fate(pg_temp.id(2040)), 'blocked', 'with release, a job goes ahead only after all its dependencies have ended');
select pg_temp.end_as(pg_temp.id(2033), 'succeeded', false);
select is((select results from get_work(worker_id => 'w', capabilities => '{de.mixed}')) - pg_temp.id(2031)::text - pg_temp.id(2032)::text,
    jsonb_build_object(pg_temp.id(2033), 'done'), 'it gets the result of the one that succeeded');

-- time and dependencies
select submit(job_id => pg_temp.id(2050), next_need => 'de.time');
select submit(job_id => pg_temp.id(2051), next_need => 'de.time.child', wait_for => array[pg_temp.id(2050)], available_at => now() + interval '1 h');
select pg_temp.end_as(pg_temp.id(2050), 'succeeded', true);
select is(pg_temp.fate(pg_temp.id(2051)), 'scheduled', 'a job whose time has not come is scheduled when its dependency succeeds');
select submit(job_id => pg_temp.id(2052), next_need => 'de.time');
select submit(job_id => pg_temp.id(2053), next_need => 'de.time.child', wait_for => array[pg_temp.id(2052)], expires_at => now() + interval '1 h');
select pg_temp.is_late(pg_temp.id(2053));
select pg_temp.end_as(pg_temp.id(2052), 'succeeded', true);
select is(pg_temp.fate(pg_temp.id(2053)), 'dead expired', 'a job that is too late by then dies as expired');

-- a dependency that goes on
select submit(job_id => pg_temp.id(2060), next_need => 'de.lives');
select submit(job_id => pg_temp.id(2061), next_need => 'de.lives.child', wait_for => array[pg_temp.id(2060)], on_dependency_failure => 'release');
select lease_id from get_work(worker_id => 'w', capabilities => '{de.lives}') \gset
select fail(job_id => pg_temp.id(2060), lease_id => :'lease_id', error => 'no', retry_after => '0');
select is(pg_temp.fate(pg_temp.id(2061)), 'blocked', 'a failed attempt of a dependency frees no dependent');
select lease_id from get_work(worker_id => 'w', capabilities => '{de.lives}') \gset
select reschedule(job_id => pg_temp.id(2060), lease_id => :'lease_id', next_need => 'de.lives.on');
select is(pg_temp.fate(pg_temp.id(2061)), 'blocked', 'nor does a reschedule of it');
select pg_temp.end_as(pg_temp.id(2060), 'succeeded', true);
select is(pg_temp.fate(pg_temp.id(2061)), 'ready', 'its end does');

-- other ways in which a dependency dies
select submit(job_id => pg_temp.id(2070), next_need => 'de.expires', expires_at => now() + interval '1 h');
select submit(job_id => pg_temp.id(2071), next_need => 'de.expires.child', wait_for => array[pg_temp.id(2070)], on_dependency_failure => 'cascade');
select pg_temp.is_late(pg_temp.id(2070));
select sweep() from generate_series(1, 2);
select is(pg_temp.fate(pg_temp.id(2071)), 'dead dependency_failed', 'a dependency that expired is dead like any other');
select submit(job_id => pg_temp.id(2072), next_need => 'de.crashes', max_attempts => 1);
select submit(job_id => pg_temp.id(2073), next_need => 'de.crashes.child', wait_for => array[pg_temp.id(2072)], on_dependency_failure => 'release');
select from get_work(worker_id => 'w', capabilities => '{de.crashes}');
select pg_temp.run_out(pg_temp.id(2072));
select sweep() from generate_series(1, 2);
select is(pg_temp.fate(pg_temp.id(2073)), 'ready', 'so is a dependency whose worker crashed');
select submit(job_id => pg_temp.id(2074), next_need => 'de.stopped');
select submit(job_id => pg_temp.id(2075), next_need => 'de.stopped.child', wait_for => array[pg_temp.id(2074)], on_dependency_failure => 'cascade');
select from get_work(worker_id => 'w', capabilities => '{de.stopped}');
select cancel(job_id => pg_temp.id(2074), actor => 'ann');
select is(pg_temp.fate(pg_temp.id(2075)), 'blocked', 'a dependency whose cancellation was requested has not ended');
select pg_temp.run_out(pg_temp.id(2074));
select sweep() from generate_series(1, 2);
select is(pg_temp.fate(pg_temp.id(2075)), 'cancelled', 'it ends when its lease expires');

-- Chains ------------------------------------------------------------------------------------------

-- 2100 <- 2101 <- … <- 2105
create function pg_temp.chain(first integer, last integer, policy text) returns void language sql as $chain$
    select submit(job_id => pg_temp.id(first), next_need => 'de.chain');
    select submit(job_id => pg_temp.id(n), next_need => 'de.chain', wait_for => array[pg_temp.id(n - 1)], on_dependency_failure => policy)
    from generate_series(first + 1, last) as n;
$chain$;
create function pg_temp.fates(first integer, last integer) returns text language sql as $fates$
    select string_agg(distinct pg_temp.fate(pg_temp.id(n)), ', ') from generate_series(first, last) as n;
$fates$;
select pg_temp.chain(2100, 2105, 'cascade');
select pg_temp.end_as(pg_temp.id(2100), 'cancelled', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fates(2101, 2105), 'cancelled', 'cascade: the whole chain is cancelled');
select pg_temp.chain(2110, 2115, 'hold');
select pg_temp.end_as(pg_temp.id(2110), 'cancelled', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fate(pg_temp.id(2111)), 'dead dependency_failed', 'hold: a job that waits for a cancelled job dies');
select is(pg_temp.fates(2112, 2115), 'blocked', 'it keeps those behind it waiting');
select is((redrive(job_id => pg_temp.id(2111), actor => 'ann')).state, 'ready', 'a person can let the first of them go ahead');
select pg_temp.end_as(pg_temp.id(n), 'succeeded', false) from generate_series(2111, 2115) as n;
select is(pg_temp.fates(2111, 2115), 'succeeded', 'then all of them run');
select pg_temp.chain(2120, 2125, 'hold');
select pg_temp.end_as(pg_temp.id(2120), 'dead', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fates(2121, 2125), 'blocked', 'hold: a dead job keeps all those behind it waiting');
select redrive(job_id => pg_temp.id(2120), actor => 'ann');
select pg_temp.end_as(pg_temp.id(n), 'succeeded', false) from generate_series(2120, 2125) as n;
select is(pg_temp.fates(2120, 2125), 'succeeded', 'a redriven job frees those behind it when it succeeds');
select pg_temp.chain(2130, 2135, 'release');
select pg_temp.end_as(pg_temp.id(2130), 'dead', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fate(pg_temp.id(2131)) || ', ' || pg_temp.fates(2132, 2135), 'ready, blocked', 'release: only the next job goes ahead');

-- Redrives ----------------------------------------------------------------------------------------

select pg_temp.chain(2200, 2205, 'cascade');
select pg_temp.end_as(pg_temp.id(2200), 'dead', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fates(2201, 2205), 'dead dependency_failed', 'a cascade of deaths reaches the end of the chain');
select redrive(job_id => pg_temp.id(2200), actor => 'ann');
select sweep() from generate_series(1, 6);
select is(pg_temp.fates(2201, 2205), 'blocked', 'one redrive undoes it, to the end of the chain');
select pg_temp.end_as(pg_temp.id(2200), 'dead', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fates(2200, 2205), 'dead dependency_failed, dead not_retryable', 'the cascade may happen again');
select redrive(job_id => pg_temp.id(2200), actor => 'ann');
select sweep() from generate_series(1, 6);
select pg_temp.end_as(pg_temp.id(n), 'succeeded', false) from generate_series(2200, 2205) as n;
select is(pg_temp.fates(2200, 2205), 'succeeded', 'a second redrive undoes it again');

-- a job that was submitted when its dependency was already dead
select submit(job_id => pg_temp.id(2210), next_need => 'de.late');
select pg_temp.end_as(pg_temp.id(2210), 'dead', false);
select submit(job_id => pg_temp.id(2211), next_need => 'de.late', wait_for => array[pg_temp.id(2210)], on_dependency_failure => 'cascade');
select submit(job_id => pg_temp.id(2212), next_need => 'de.late', wait_for => array[pg_temp.id(2210)]);
select redrive(job_id => pg_temp.id(2210), actor => 'ann');
select is(pg_temp.fates(2211, 2212), 'blocked', 'a job that was submitted behind a dead job comes back with it, or goes on waiting');
select pg_temp.end_as(pg_temp.id(2210), 'succeeded', false);
select is(pg_temp.fates(2211, 2212), 'ready', 'it goes ahead after it');

-- a diamond: 2220 <- 2221, 2222 <- 2223
select submit(job_id => pg_temp.id(2220), next_need => 'de.diamond');
select submit(job_id => pg_temp.id(2221), next_need => 'de.diamond', wait_for => array[pg_temp.id(2220)], on_dependency_failure => 'cascade');
select submit(job_id => pg_temp.id(2222), next_need => 'de.diamond', wait_for => array[pg_temp.id(2220)], on_dependency_failure => 'cascade');
select submit(job_id => pg_temp.id(2223), next_need => 'de.diamond', wait_for => array[pg_temp.id(2221), pg_temp.id(2222)], on_dependency_failure => 'cascade');
select pg_temp.end_as(pg_temp.id(2220), 'dead', false);
select sweep() from generate_series(1, 3);
select is(pg_temp.fates(2221, 2223), 'dead dependency_failed', 'all jobs of a diamond die with the first');
select redrive(job_id => pg_temp.id(2220), actor => 'ann');
select sweep() from generate_series(1, 3);
select is(pg_temp.fates(2221, 2223), 'blocked', 'all of them come back');
select pg_temp.end_as(pg_temp.id(n), 'succeeded', false) from generate_series(2220, 2222) as n;
select is(pg_temp.fate(pg_temp.id(2223)), 'ready', 'the last job comes back once, after both sides');

-- the other side ended while the job was dead
select submit(job_id => pg_temp.id(2230), next_need => 'de.sides');
select submit(job_id => pg_temp.id(2231), next_need => 'de.sides');
select submit(job_id => pg_temp.id(2232), next_need => 'de.sides', wait_for => array[pg_temp.id(2230), pg_temp.id(2231)], on_dependency_failure => 'cascade');
select pg_temp.end_as(pg_temp.id(2230), 'dead', false);
select pg_temp.end_as(pg_temp.id(2231), 'succeeded', false);
select is(pg_temp.fate(pg_temp.id(2232)), 'dead dependency_failed', 'a job that died with one side stays dead when the other succeeds');
select redrive(job_id => pg_temp.id(2230), actor => 'ann');
select pg_temp.end_as(pg_temp.id(2230), 'succeeded', false);
select is(pg_temp.fate(pg_temp.id(2232)), 'ready', 'after a redrive of the first it waits only for that');

-- a dead dependency is cancelled: no job may wait for it for ever
select submit(job_id => pg_temp.id(2240), next_need => 'de.given_up');
select submit(job_id => pg_temp.id(2241), next_need => 'de.given_up', wait_for => array[pg_temp.id(2240)]);
select submit(job_id => pg_temp.id(2242), next_need => 'de.given_up', wait_for => array[pg_temp.id(2240)], on_dependency_failure => 'cascade');
select pg_temp.end_as(pg_temp.id(2240), 'dead', false);
select cancel(job_id => pg_temp.id(2240), actor => 'ann');
select is(pg_temp.fate(pg_temp.id(2241)), 'dead dependency_failed', 'a job with hold dies when the dead job that it waits for is cancelled');
select is(redrive(job_id => pg_temp.id(n), actor => 'ann') is not null, true, 'it may be redriven') from generate_series(2241, 2242) as n;
select is(pg_temp.fates(2241, 2242), 'ready', 'it then runs without the cancelled job');

-- the policy in force when the dependency ends counts
select submit(job_id => pg_temp.id(2250), next_need => 'de.policy');
select submit(job_id => pg_temp.id(2251), next_need => 'de.policy', wait_for => array[pg_temp.id(2250)], on_dependency_failure => 'cascade');
select reschedule_unheld(job_id => pg_temp.id(2251), actor => 'ann', on_dependency_failure => 'release');
select pg_temp.end_as(pg_temp.id(2250), 'dead', false);
select is(pg_temp.fate(pg_temp.id(2251)), 'ready', 'a policy may be changed while the job waits');
-- it may also be changed when the dependency is dead already
select submit(job_id => pg_temp.id(2260), next_need => 'de.policy');
select submit(job_id => pg_temp.id(2261), next_need => 'de.policy', wait_for => array[pg_temp.id(2260)]);
select submit(job_id => pg_temp.id(2262), next_need => 'de.policy', wait_for => array[pg_temp.id(2260)]);
select pg_temp.end_as(pg_temp.id(2260), 'dead', false);
select is((reschedule_unheld(job_id => pg_temp.id(2261), actor => 'ann', on_dependency_failure => 'release')).state, 'ready',
    'a job that waits for a dead job may go ahead by another policy');
select is((reschedule_unheld(job_id => pg_temp.id(2262), actor => 'ann', on_dependency_failure => 'cascade')).state, 'dead', 'a job that waits for a dead job may also die with it by another policy');

-- No job is stranded ------------------------------------------------------------------------------

select sweep() from generate_series(1, 5);
select is_empty(
    $$ select j.job_id from job as j where j.state = 'blocked' and not exists (select from dependency as e where e.job_id = j.job_id) $$,
    'every blocked job waits for something'
);
select is_empty(
    $$ select e.* from dependency as e where not exists (select from job as j where j.job_id = e.waits_for) or not exists (select from job as j where j.job_id = e.job_id) $$,
    'every dependency has both its jobs'
);
select is_empty(
    $$ select j.job_id, j.state from job as j join dependency as e on e.job_id = j.job_id where j.state not in ('blocked', 'dead') $$,
    'no job in the queue still waits'
);
select is_empty(
    $$ select e.* from dependency as e join job as j on j.job_id = e.job_id join job as d on d.job_id = e.waits_for
        where d.state = 'dead' and j.state = 'blocked' and j.on_dependency_failure <> 'hold' $$,
    'only a job with hold is blocked by a dead job'
);

select * from finish();
rollback;
