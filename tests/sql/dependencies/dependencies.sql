-- Dependencies: every policy of on_dependency_failure, every end of what is waited for, before and after the submit; redrives; nothing stranded.

begin;
\ir ../include/support.sql
select plan(102);

-- Ends a job: succeeded, dead or cancelled; through its lease, or unheld.
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

-- What becomes of a dependent: its state and why it is dead.
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

-- by reschedule_unheld, reschedule and submit_many too
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

-- what a submit answers says the same
select submit(job_id => pg_temp.id(2001), next_need => 'de.dead');
select submit(job_id => pg_temp.id(2002), next_need => 'de.gone');
select pg_temp.end_as(pg_temp.id(2001), 'dead', false);
select pg_temp.end_as(pg_temp.id(2002), 'cancelled', false);
select is((submit(next_need => 'de.a', wait_for => array[pg_temp.id(2001)], on_dependency_failure => 'cascade')).state, 'dead', 'submit answers that the job died at once');
select is((submit(next_need => 'de.a', wait_for => array[pg_temp.id(2002)], on_dependency_failure => 'cascade')).state, 'cancelled', 'or that it was cancelled at once');
select is((submit(next_need => 'de.a', wait_for => array[pg_temp.id(2002)], on_dependency_failure => 'release', available_at => now() + interval '1 h')).state, 'scheduled',
    'or that it waits for its time alone');

-- Several dependencies ----------------------------------------------------------------------------

select submit(job_id => pg_temp.id(2010 + n), next_need => 'de.several') from generate_series(1, 3) as n;
select submit(job_id => pg_temp.id(2020), next_need => 'de.join', wait_for => array[pg_temp.id(2011), pg_temp.id(2012), pg_temp.id(2013), pg_temp.id(2011)]);
select pg_temp.end_as(pg_temp.id(2012), 'succeeded', false);
select pg_temp.end_as(pg_temp.id(2011), 'succeeded', false);
select is(pg_temp.fate(pg_temp.id(2020)), 'blocked', 'one that waits for three is blocked after two');
select is((select count(*) from dependency where job_id = pg_temp.id(2020)), 1::bigint, 'and waits for one');
select pg_temp.end_as(pg_temp.id(2013), 'succeeded', false);
select is(pg_temp.fate(pg_temp.id(2020)), 'ready', 'and ready after the third');
select is((select results from get_work(worker_id => 'w', capabilities => '{de.join}')),
    jsonb_build_object(pg_temp.id(2011), 'done', pg_temp.id(2012), 'done', pg_temp.id(2013), 'done'), 'its worker gets all their results');

select submit(job_id => pg_temp.id(2030 + n), next_need => 'de.several') from generate_series(1, 3) as n;
select submit(job_id => pg_temp.id(2040), next_need => 'de.mixed', wait_for => array[pg_temp.id(2031), pg_temp.id(2032), pg_temp.id(2033)], on_dependency_failure => 'release');
select pg_temp.end_as(pg_temp.id(2031), 'dead', false);
select pg_temp.end_as(pg_temp.id(2032), 'cancelled', false);
select is(pg_temp.fate(pg_temp.id(2040)), 'blocked', 'release goes ahead only after all have ended');
select pg_temp.end_as(pg_temp.id(2033), 'succeeded', false);
select is((select results from get_work(worker_id => 'w', capabilities => '{de.mixed}')) - pg_temp.id(2031)::text - pg_temp.id(2032)::text,
    jsonb_build_object(pg_temp.id(2033), 'done'), 'and gets the result of the one that succeeded');

-- time and dependencies
select submit(job_id => pg_temp.id(2050), next_need => 'de.time');
select submit(job_id => pg_temp.id(2051), next_need => 'de.time.child', wait_for => array[pg_temp.id(2050)], available_at => now() + interval '1 h');
select pg_temp.end_as(pg_temp.id(2050), 'succeeded', true);
select is(pg_temp.fate(pg_temp.id(2051)), 'scheduled', 'one whose time has not come is scheduled when its dependency succeeds');
select submit(job_id => pg_temp.id(2052), next_need => 'de.time');
select submit(job_id => pg_temp.id(2053), next_need => 'de.time.child', wait_for => array[pg_temp.id(2052)], expires_at => now() + interval '1 h');
select pg_temp.is_late(pg_temp.id(2053));
select pg_temp.end_as(pg_temp.id(2052), 'succeeded', true);
select is(pg_temp.fate(pg_temp.id(2053)), 'dead expired', 'one that is too late by then dies as expired');

-- a dependency that lives on
select submit(job_id => pg_temp.id(2060), next_need => 'de.lives');
select submit(job_id => pg_temp.id(2061), next_need => 'de.lives.child', wait_for => array[pg_temp.id(2060)], on_dependency_failure => 'release');
select lease_id from get_work(worker_id => 'w', capabilities => '{de.lives}') \gset
select fail(job_id => pg_temp.id(2060), lease_id => :'lease_id', error => 'no', retry_after => '0');
select is(pg_temp.fate(pg_temp.id(2061)), 'blocked', 'a failed attempt of its dependency frees nobody');
select lease_id from get_work(worker_id => 'w', capabilities => '{de.lives}') \gset
select reschedule(job_id => pg_temp.id(2060), lease_id => :'lease_id', next_need => 'de.lives.on');
select is(pg_temp.fate(pg_temp.id(2061)), 'blocked', 'nor does its being rescheduled');
select pg_temp.end_as(pg_temp.id(2060), 'succeeded', true);
select is(pg_temp.fate(pg_temp.id(2061)), 'ready', 'its end does');

-- other deaths of a dependency
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
select is(pg_temp.fate(pg_temp.id(2073)), 'ready', 'so is one whose worker crashed');
select submit(job_id => pg_temp.id(2074), next_need => 'de.stopped');
select submit(job_id => pg_temp.id(2075), next_need => 'de.stopped.child', wait_for => array[pg_temp.id(2074)], on_dependency_failure => 'cascade');
select from get_work(worker_id => 'w', capabilities => '{de.stopped}');
select cancel(job_id => pg_temp.id(2074), actor => 'ann');
select is(pg_temp.fate(pg_temp.id(2075)), 'blocked', 'a dependency that is asked to stop has not ended');
select pg_temp.run_out(pg_temp.id(2074));
select sweep() from generate_series(1, 2);
select is(pg_temp.fate(pg_temp.id(2075)), 'cancelled', 'until its lease runs out');

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
select is(pg_temp.fates(2101, 2105), 'cancelled', 'cascade: a chain is cancelled to its end');
select pg_temp.chain(2110, 2115, 'hold');
select pg_temp.end_as(pg_temp.id(2110), 'cancelled', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fate(pg_temp.id(2111)), 'dead dependency_failed', 'hold: who waits for a cancelled job dies');
select is(pg_temp.fates(2112, 2115), 'blocked', 'and holds those behind');
select is((redrive(job_id => pg_temp.id(2111), actor => 'ann')).state, 'ready', 'until a person lets it go ahead');
select pg_temp.end_as(pg_temp.id(n), 'succeeded', false) from generate_series(2111, 2115) as n;
select is(pg_temp.fates(2111, 2115), 'succeeded', 'then all of them run');
select pg_temp.chain(2120, 2125, 'hold');
select pg_temp.end_as(pg_temp.id(2120), 'dead', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fates(2121, 2125), 'blocked', 'hold: a dead job holds all behind it');
select redrive(job_id => pg_temp.id(2120), actor => 'ann');
select pg_temp.end_as(pg_temp.id(n), 'succeeded', false) from generate_series(2120, 2125) as n;
select is(pg_temp.fates(2120, 2125), 'succeeded', 'until it is redriven and succeeds');
select pg_temp.chain(2130, 2135, 'release');
select pg_temp.end_as(pg_temp.id(2130), 'dead', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fate(pg_temp.id(2131)) || ', ' || pg_temp.fates(2132, 2135), 'ready, blocked', 'release: the next goes ahead, and only it');

-- Redrives ----------------------------------------------------------------------------------------

select pg_temp.chain(2200, 2205, 'cascade');
select pg_temp.end_as(pg_temp.id(2200), 'dead', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fates(2201, 2205), 'dead dependency_failed', 'a cascade of deaths');
select redrive(job_id => pg_temp.id(2200), actor => 'ann');
select sweep() from generate_series(1, 6);
select is(pg_temp.fates(2201, 2205), 'blocked', 'is undone by one redrive, to its end');
select pg_temp.end_as(pg_temp.id(2200), 'dead', false);
select sweep() from generate_series(1, 6);
select is(pg_temp.fates(2200, 2205), 'dead dependency_failed, dead not_retryable', 'may come again');
select redrive(job_id => pg_temp.id(2200), actor => 'ann');
select sweep() from generate_series(1, 6);
select pg_temp.end_as(pg_temp.id(n), 'succeeded', false) from generate_series(2200, 2205) as n;
select is(pg_temp.fates(2200, 2205), 'succeeded', 'and be undone again');

-- one that was named when its dependency was dead already
select submit(job_id => pg_temp.id(2210), next_need => 'de.late');
select pg_temp.end_as(pg_temp.id(2210), 'dead', false);
select submit(job_id => pg_temp.id(2211), next_need => 'de.late', wait_for => array[pg_temp.id(2210)], on_dependency_failure => 'cascade');
select submit(job_id => pg_temp.id(2212), next_need => 'de.late', wait_for => array[pg_temp.id(2210)]);
select redrive(job_id => pg_temp.id(2210), actor => 'ann');
select is(pg_temp.fates(2211, 2212), 'blocked', 'who was submitted behind a dead job comes back with it, or held on');
select pg_temp.end_as(pg_temp.id(2210), 'succeeded', false);
select is(pg_temp.fates(2211, 2212), 'ready', 'and goes ahead after it');

-- a diamond: 2220 <- 2221, 2222 <- 2223
select submit(job_id => pg_temp.id(2220), next_need => 'de.diamond');
select submit(job_id => pg_temp.id(2221), next_need => 'de.diamond', wait_for => array[pg_temp.id(2220)], on_dependency_failure => 'cascade');
select submit(job_id => pg_temp.id(2222), next_need => 'de.diamond', wait_for => array[pg_temp.id(2220)], on_dependency_failure => 'cascade');
select submit(job_id => pg_temp.id(2223), next_need => 'de.diamond', wait_for => array[pg_temp.id(2221), pg_temp.id(2222)], on_dependency_failure => 'cascade');
select pg_temp.end_as(pg_temp.id(2220), 'dead', false);
select sweep() from generate_series(1, 3);
select is(pg_temp.fates(2221, 2223), 'dead dependency_failed', 'a diamond dies');
select redrive(job_id => pg_temp.id(2220), actor => 'ann');
select sweep() from generate_series(1, 3);
select is(pg_temp.fates(2221, 2223), 'blocked', 'and comes back');
select pg_temp.end_as(pg_temp.id(n), 'succeeded', false) from generate_series(2220, 2222) as n;
select is(pg_temp.fate(pg_temp.id(2223)), 'ready', 'its last job once, after both sides');

-- the other side ended while it was dead
select submit(job_id => pg_temp.id(2230), next_need => 'de.sides');
select submit(job_id => pg_temp.id(2231), next_need => 'de.sides');
select submit(job_id => pg_temp.id(2232), next_need => 'de.sides', wait_for => array[pg_temp.id(2230), pg_temp.id(2231)], on_dependency_failure => 'cascade');
select pg_temp.end_as(pg_temp.id(2230), 'dead', false);
select pg_temp.end_as(pg_temp.id(2231), 'succeeded', false);
select is(pg_temp.fate(pg_temp.id(2232)), 'dead dependency_failed', 'who died with one side stays dead when the other succeeds');
select redrive(job_id => pg_temp.id(2230), actor => 'ann');
select pg_temp.end_as(pg_temp.id(2230), 'succeeded', false);
select is(pg_temp.fate(pg_temp.id(2232)), 'ready', 'and waits only for the first when that is redriven');

-- a dead one is cancelled: nobody may wait for it for ever
select submit(job_id => pg_temp.id(2240), next_need => 'de.given_up');
select submit(job_id => pg_temp.id(2241), next_need => 'de.given_up', wait_for => array[pg_temp.id(2240)]);
select submit(job_id => pg_temp.id(2242), next_need => 'de.given_up', wait_for => array[pg_temp.id(2240)], on_dependency_failure => 'cascade');
select pg_temp.end_as(pg_temp.id(2240), 'dead', false);
select cancel(job_id => pg_temp.id(2240), actor => 'ann');
select is(pg_temp.fate(pg_temp.id(2241)), 'dead dependency_failed', 'hold dies when the dead job it holds on to is cancelled');
select is(redrive(job_id => pg_temp.id(n), actor => 'ann') is not null, true, 'and whatever died may be redriven') from generate_series(2241, 2242) as n;
select is(pg_temp.fates(2241, 2242), 'ready', 'and then runs without it');

-- the policy is the one in force when the dependency ends
select submit(job_id => pg_temp.id(2250), next_need => 'de.policy');
select submit(job_id => pg_temp.id(2251), next_need => 'de.policy', wait_for => array[pg_temp.id(2250)], on_dependency_failure => 'cascade');
select reschedule_unheld(job_id => pg_temp.id(2251), actor => 'ann', on_dependency_failure => 'release');
select pg_temp.end_as(pg_temp.id(2250), 'dead', false);
select is(pg_temp.fate(pg_temp.id(2251)), 'ready', 'a policy may be changed while the job waits');
-- also once what it waits for is dead
select submit(job_id => pg_temp.id(2260), next_need => 'de.policy');
select submit(job_id => pg_temp.id(2261), next_need => 'de.policy', wait_for => array[pg_temp.id(2260)]);
select submit(job_id => pg_temp.id(2262), next_need => 'de.policy', wait_for => array[pg_temp.id(2260)]);
select pg_temp.end_as(pg_temp.id(2260), 'dead', false);
select is((reschedule_unheld(job_id => pg_temp.id(2261), actor => 'ann', on_dependency_failure => 'release')).state, 'ready',
    'one that holds on to a dead job may be let go by another policy');
select is((reschedule_unheld(job_id => pg_temp.id(2262), actor => 'ann', on_dependency_failure => 'cascade')).state, 'dead', 'or die with it after all');

-- Nothing stranded --------------------------------------------------------------------------------

select sweep() from generate_series(1, 5);
select is_empty(
    $$ select j.job_id from job as j where j.state = 'blocked' and not exists (select from dependency as e where e.job_id = j.job_id) $$,
    'no job is blocked that waits for nothing'
);
select is_empty(
    $$ select e.* from dependency as e where not exists (select from job as j where j.job_id = e.waits_for) or not exists (select from job as j where j.job_id = e.job_id) $$,
    'no edge has lost an end'
);
select is_empty(
    $$ select j.job_id, j.state from job as j join dependency as e on e.job_id = j.job_id where j.state not in ('blocked', 'dead') $$,
    'nobody is in the queue who still waits'
);
select is_empty(
    $$ select e.* from dependency as e join job as j on j.job_id = e.job_id join job as d on d.job_id = e.waits_for
        where d.state = 'dead' and j.state = 'blocked' and j.on_dependency_failure <> 'hold' $$,
    'only who holds on is blocked by a dead job'
);

select * from finish();
rollback;
