create or replace function _wait(job_id uuid, edges uuid[])
returns void
language plpgsql
volatile
as $_wait$
begin
    insert into edge (waits_for, job_id) select w.id, _wait.job_id from unnest(edges) as w (id);
    -- one of them may be ending right now, unseen from here as this is unseen from there
    insert into note (kind, job_id) values ('blocked', _wait.job_id);
end
$_wait$;

comment on function _wait(uuid, uuid[]) is 'Writes the edges of a job that the caller has just inserted or locked, and the note that goes with them.';
