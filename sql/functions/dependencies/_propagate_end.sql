create or replace function _propagate_end(job_id uuid)
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
    if cardinality(v_ids) > v_at_once or _snapshot_is_fixed() then
        -- Many dependents are left to get_work and sweep, so that this call stays quick. With a fixed snapshot the read
        -- above may have missed a dependency, so a later transaction reads again.
        perform _defer_propagation(job_id);
    elsif v_ids is not null then
        perform _propagate_to(job_id, v_ids, _now());
    end if;
end
$_propagate_end$;

comment on function _propagate_end(uuid) is
    'Propagates the end of a job, or its redrive, to the jobs that wait for it: at once if they are few, by a '
    'deferred item if they are many. Call it under the lock of the job''s row, in a statement after the one that took '
    'the lock. A dependency that commits later has a deferred item of its own. An end that another end causes is '
    'deferred instead (_defer_propagation).';
