-- Jobs with names: \ir include/named.sql after support.sql. pg_temp.job('mail') is the job_id, pg_temp.lease('mail') the last lease_id.

create temporary table known (
    name        text    primary key,
    job_id      uuid    not null,
    lease_id    uuid
);

-- Gives a submitted job a name.
create function pg_temp.keep(name text, job submitted) returns void language sql as $keep$
    insert into pg_temp.known (name, job_id) values (name, (job).job_id)
    on conflict on constraint known_pkey do update set job_id = excluded.job_id, lease_id = null;
$keep$;

create function pg_temp.job(name text) returns uuid language sql stable as $job$
    select k.job_id from pg_temp.known as k where k.name = job.name;
$job$;

create function pg_temp.lease(name text) returns uuid language sql stable as $lease$
    select k.lease_id from pg_temp.known as k where k.name = lease.name;
$lease$;

create function pg_temp.state_of(name text) returns text language sql as $state_of$
    select (job(job_id => pg_temp.job(name))).state;
$state_of$;

-- Leases a named job, which must be the first of its need.
create function pg_temp.take(name text, lease interval default '60 s', worker_id text default 'worker') returns void
language plpgsql as $take$
declare
    v_work work;
begin
    select w.* into v_work from get_work(worker_id, array[(job(pg_temp.job(name))).next_need], lease) as w;
    if v_work.job_id is distinct from pg_temp.job(name) then
        raise exception 'get_work gave % in place of %, which is %', v_work.job_id, name, pg_temp.state_of(name);
    end if;
    update pg_temp.known as k set lease_id = v_work.lease_id where k.name = take.name;
end
$take$;

-- A ready job with a need of its own: 'a.' and its name.
create function pg_temp.queued(name text) returns void language sql as $queued$
    select pg_temp.keep(name, submit('a.' || name));
$queued$;

-- A leased job with a need of its own.
create function pg_temp.held(name text) returns void language sql as $held$
    select pg_temp.queued(name);
    select pg_temp.take(name);
$held$;

-- A job whose lease expired and was reclaimed; it backs off.
create function pg_temp.lost(name text) returns void language sql as $lost$
    select pg_temp.held(name);
    select pg_temp.run_out(pg_temp.job(name));
    select sweep();
$lost$;

-- Like results_eq, for a call that may raise in place of an answer: an error fails the assertion, not the file.
create function pg_temp.answers(call text, answer text, description text) returns text language plpgsql as $answers$
begin
    return results_eq(call, answer, description);
exception
    when others then
        return fail(description) || e'\n' || diag(format('%s (%s): %s', sqlstate, sqlerrm, call));
end
$answers$;

-- Fourteen assertions that hold for every function that takes a job and a lease. The call has two %L: for the job and for the lease.
create function pg_temp.refused_leases(call text) returns setof text language plpgsql as $refused_leases$
declare
    v_foreign   constant uuid := gen_random_uuid();
    v_old       uuid;
begin
    perform pg_temp.lost('stage.held');
    v_old := pg_temp.lease('stage.held');
    perform pg_temp.is_due(pg_temp.job('stage.held'));
    perform pg_temp.take('stage.held', worker_id => 'another');
    return next pg_temp.refused(
        format(call, pg_temp.job('stage.held'), v_old), 'LH001', 'an earlier lease, while another worker holds the job: LH001'
    );
    return next pg_temp.refused(
        format(call, pg_temp.job('stage.held'), v_foreign), 'LH002', 'an unknown lease, while a worker holds the job: LH002'
    );
    perform pg_temp.lost('stage.lost');
    return next pg_temp.refused(
        format(call, pg_temp.job('stage.lost'), pg_temp.lease('stage.lost')), 'LH001', 'an expired lease that was reclaimed: LH001'
    );
    return next pg_temp.refused(
        format(call, pg_temp.job('stage.held'), pg_temp.lease('stage.lost')), 'LH002', 'the lease of another job: LH002'
    );
    perform pg_temp.queued('stage.queued');
    return next pg_temp.refused(
        format(call, pg_temp.job('stage.queued'), v_foreign), 'LH002', 'any lease of a job that was never leased: LH002'
    );
    return next pg_temp.refused(
        format(call, gen_random_uuid(), pg_temp.lease('stage.held')), 'LH003', 'an unknown job, with a lease that is current elsewhere: LH003'
    );
    return next pg_temp.refused(format(call, null, pg_temp.lease('stage.held')), 'LH010', 'no job_id: LH010');
    return next pg_temp.refused(format(call, pg_temp.job('stage.held'), null), 'LH010', 'no lease_id: LH010');

    -- that the job has ended is checked before the lease
    perform cancel(pg_temp.job('stage.lost'), 'test');
    return next pg_temp.refused(
        format(call, pg_temp.job('stage.lost'), pg_temp.lease('stage.lost')), 'LH007', 'an earlier lease of a cancelled job: LH007'
    );
    return next pg_temp.refused(format(call, pg_temp.job('stage.lost'), v_foreign), 'LH007', 'an unknown lease, of a cancelled job: LH007');
    perform complete(pg_temp.job('stage.held'), pg_temp.lease('stage.held'));
    return next pg_temp.refused(format(call, pg_temp.job('stage.held'), v_old), 'LH008', 'an earlier lease of a job that succeeded: LH008');
    return next pg_temp.refused(format(call, pg_temp.job('stage.held'), v_foreign), 'LH008', 'an unknown lease, of a job that succeeded: LH008');
    perform pg_temp.keep('stage.dead', submit('a.stage.dead', max_attempts => 1));
    perform pg_temp.take('stage.dead');
    perform pg_temp.run_out(pg_temp.job('stage.dead'));
    perform sweep();
    return next pg_temp.refused(
        format(call, pg_temp.job('stage.dead'), pg_temp.lease('stage.dead')), 'LH008', 'the expired lease, of a job that is dead: LH008'
    );
    return next pg_temp.refused(format(call, pg_temp.job('stage.dead'), v_foreign), 'LH008', 'an unknown lease, of a job that is dead: LH008');
end
$refused_leases$;
