create or replace function _add_dependencies(job_id uuid, dependencies uuid[])
returns void
language plpgsql
volatile
as $_add_dependencies$
begin
    insert into dependency (waits_for, job_id)
    select w.id, _add_dependencies.job_id from unnest(dependencies) as w (id);
    -- One of the jobs waited for may be ending at this moment, in a transaction that does not see these rows and is not
    -- seen by this one.
    insert into deferred (kind, job_id) values ('recheck', _add_dependencies.job_id);
end
$_add_dependencies$;

comment on function _add_dependencies(uuid, uuid[]) is
    'Writes the dependencies of a job that the caller has just inserted or locked, and the deferred item that '
    'rechecks them.';
