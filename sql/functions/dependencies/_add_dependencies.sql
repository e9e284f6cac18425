create or replace function _add_dependencies(job_id uuid, edges uuid[])
returns void
language plpgsql
volatile
as $_add_dependencies$
begin
    insert into dependency (waits_for, job_id) select w.id, _add_dependencies.job_id from unnest(edges) as w (id);
    -- one of them may be ending right now, unseen from here as this is unseen from there
    insert into deferred (kind, job_id) values ('recheck', _add_dependencies.job_id);
end
$_add_dependencies$;

comment on function _add_dependencies(uuid, uuid[]) is 'Writes the edges of a job that the caller has just inserted or locked, and the note that goes with them.';
