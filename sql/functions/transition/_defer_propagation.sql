create or replace function _defer_propagation(job_id uuid)
returns void
language plpgsql
volatile
as $_defer_propagation$
begin
    -- A fixed snapshot may not show a dependency that a later transaction finds.
    if _snapshot_is_fixed()
        or exists (select from dependency as e where e.waits_for = _defer_propagation.job_id) then
        insert into deferred (kind, job_id) values ('ended', _defer_propagation.job_id);
    end if;
end
$_defer_propagation$;

comment on function _defer_propagation(uuid) is
    'Leaves a deferred item for the end of a job, or its redrive, if other jobs may wait for it: get_work and sweep '
    'propagate it. For an end that another end causes, and for an end by maintenance: a chain of jobs ends without '
    'recursion, and the call stays quick. Call it as _propagate_end is called.';
