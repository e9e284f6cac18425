create or replace function _rewrite(v_job job)
returns void
language plpgsql
volatile
as $_rewrite$
begin
    -- deleted and written anew, not updated: see _park
    delete from leased as j where j.job_id = v_job.job_id;
    if not found then
        delete from job as j where j.job_id = v_job.job_id;
    end if;
    insert into job values (v_job.*);
end
$_rewrite$;

comment on function _rewrite(job) is 'Writes a job, whose lock the caller holds, as v_job now says, all of its row: waiting, or dead.';
