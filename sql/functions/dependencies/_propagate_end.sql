create or replace function _propagate_end(job_id uuid, nested boolean default false)
returns void
language plpgsql
volatile
as $_propagate_end$
declare
    v_ids       uuid[];
    v_at_once   constant integer := 100;
begin
    select array_agg(w.job_id) into v_ids
    from (
        select e.job_id
        from dependency as e
        where e.waits_for = _propagate_end.job_id
        order by e.job_id
        limit v_at_once + 1
    ) as w;
    -- With a fixed snapshot this read may have missed a dependency, so a later transaction reads again.
    if v_ids is null and not _snapshot_is_fixed() then
        return;
    end if;
    if nested or cardinality(v_ids) > v_at_once or _snapshot_is_fixed() then
        -- Many dependents, and an end caused by another end, are left to get_work and sweep, so that this call stays
        -- quick.
        insert into deferred (kind, job_id) values ('ended', _propagate_end.job_id);
        return;
    end if;
    perform _propagate_to(job_id, v_ids, _now());
end
$_propagate_end$;

comment on function _propagate_end(uuid, boolean) is
    'Propagates the end of a job, or its redrive, to the jobs that wait for it: at once if they are few, by a '
    'deferred item if they are many. Call it under the lock of the job''s row, in a statement after the one that took '
    'the lock. A dependency that commits later has a deferred item of its own.';
