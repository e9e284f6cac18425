create or replace function _recheck_blocked(
    job_id uuid, after uuid, limit_rows integer, now timestamptz,
    out freed integer, out looked_at integer, out last uuid
)
language plpgsql
volatile
as $_recheck_blocked$
declare
    v_dependencies  uuid[];
    v_ended         record;
begin
    freed := 0;
    -- A job nearly always has fewer dependencies than limit_rows.
    v_dependencies := array(
        select e.waits_for from dependency as e where e.job_id = _recheck_blocked.job_id limit limit_rows
    );
    if after is not null or cardinality(v_dependencies) = limit_rows then
        v_dependencies := array(
            select e.waits_for
            -- offset 0 makes this read the job's dependencies by their index and sort them. The primary key would give
            -- this order only by a scan of all dependencies.
            from (select o.waits_for from dependency as o where o.job_id = _recheck_blocked.job_id offset 0) as e
            where e.waits_for > coalesce(after, '00000000-0000-0000-0000-000000000000')
            order by e.waits_for
            limit limit_rows
        );
    end if;
    looked_at := greatest(cardinality(v_dependencies), 1);
    if cardinality(v_dependencies) = limit_rows then
        last := v_dependencies[limit_rows];
    end if;
    for v_ended in
        select s.waits_for, s.end_state
        from (select u.id as waits_for, _ended_as(u.id) as end_state from unnest(v_dependencies) as u (id)) as s
        where s.end_state is not null
        order by s.waits_for
    loop
        freed := freed + _apply_dependency_policy(v_ended.waits_for, v_ended.end_state, array[job_id], now);
    end loop;
    -- The last dependency was removed by a transaction whose fixed snapshot still showed it. No other event frees the
    -- job.
    if exists (select from only job as j where j.job_id = _recheck_blocked.job_id and j.state = 'blocked')
        and not exists (select from dependency as e where e.job_id = _recheck_blocked.job_id) then
        freed := freed + _enqueue(array[job_id], now);
    end if;
end
$_recheck_blocked$;

comment on function _recheck_blocked(uuid, uuid, integer, timestamptz) is
    'Checks whether jobs that a job waits for have ended, and applies their ends to it. Checks limit_rows of its '
    'dependencies, beginning after the given id. last is the last id checked if more may follow. The caller holds the '
    'lock of job_id.';
