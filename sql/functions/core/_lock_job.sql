create or replace function _lock_job(job_id uuid)
returns job
language plpgsql
volatile
as $_lock_job$
declare
    v_job job;
begin
    loop
        select j.* into v_job from job as j where j.job_id = _lock_job.job_id for update;
        -- A grant replaces the row. A session that waited for the lock of the old row then finds no row, although the
        -- job is alive, and has to lock the new one.
        exit when found or not exists (select from job as j where j.job_id = _lock_job.job_id);
    end loop;
    return v_job;
end
$_lock_job$;

comment on function _lock_job(uuid) is
    'Locks a live job so that it can be ended or requeued, and returns its row as it is once the lock is held. Returns '
    'a row of nulls if no live job has this id.';
