create or replace function _apply_dependency_policy(waited_for uuid, end_state text, ids uuid[], now timestamptz)
returns integer
language plpgsql
volatile
as $_apply_dependency_policy$
declare
    v_job   job;
    v_freed uuid[];
begin
    if end_state is null then
        perform _unbury_dependents(ids, now);
        return 0;
    end if;

    -- 1. End the dependents that end with it, by their policy.
    if end_state <> 'succeeded' then
        for v_job in
            select j.*
            from dependency as e
            -- limit 1 forces one index lookup per row. A plain join could be planned as a scan of all jobs.
            cross join lateral (select o.* from only job as o where o.job_id = e.job_id limit 1) as j
            where e.waits_for = waited_for and e.job_id = any (ids) and j.state = 'blocked'
                and (
                    j.on_dependency_failure = 'cascade' or j.on_dependency_failure = 'hold' and end_state = 'cancelled'
                )
            order by j.job_id
        loop
            if v_job.on_dependency_failure = 'cascade' and end_state = 'cancelled' then
                perform _record_history(
                    v_job.job_id, 'cancelled', 'leasehold', 'cancelled', v_job.attempt,
                    format('dependency %s was cancelled', waited_for), now
                );
                perform _archive_unheld(v_job, 'cancelled', null, null, now);
            else
                perform _bury(
                    v_job, 'dependency_failed', format('dependency %s is %s', waited_for, end_state), null, null,
                    'leasehold', now
                );
            end if;
            perform _defer_propagation(v_job.job_id);
        end loop;
    end if;

    -- 2. Remove the dependencies that this state satisfies or releases. Those of dependents that wait for a redrive of
    -- the dead job stay.
    with let_go as (
        delete from dependency as e
        where e.waits_for = waited_for and e.job_id = any (ids)
            and (
                end_state <> 'dead'
                or (select j.on_dependency_failure from only job as j where j.job_id = e.job_id) = 'release'
            )
        returning e.job_id
    )
    select array_agg(l.job_id) into v_freed from let_go as l;
    if v_freed is null then
        return 0;
    end if;
    if end_state = 'succeeded' then
        perform _unbury_dependents(v_freed, now);
    end if;
    if _snapshot_is_fixed() then
        -- A fixed snapshot may still show dependencies that another transaction has removed. A later transaction
        -- rechecks.
        insert into deferred (kind, job_id)
        select 'recheck', j.job_id
        from only job as j
        where j.job_id = any (v_freed) and j.state = 'blocked'
            and exists (select from dependency as e where e.job_id = j.job_id);
    end if;
    select array_agg(j.job_id) into v_freed
    from only job as j
    where j.job_id = any (v_freed) and j.state = 'blocked'
        and not exists (select from dependency as e where e.job_id = j.job_id);
    if v_freed is null then
        return 0;
    end if;
    return _enqueue(v_freed, now);
end
$_apply_dependency_policy$;

comment on function _apply_dependency_policy(uuid, text, uuid[], timestamptz) is
    'Applies the state of waited_for (succeeded, cancelled, dead; null: it lives again) to the given dependents: '
    'ends, frees or unburies them by their policies. No other function decides this. The caller holds the locks of '
    'the dependents. Returns how many entered the queue.';
