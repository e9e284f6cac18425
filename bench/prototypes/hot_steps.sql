-- Variant of A: complete in steps (lock and read the row, check, delete, insert into the archive) instead
-- of one statement. This is the shape that a complete with all its refusals wants to have.

\ir hot.sql

create or replace function complete(job_id uuid, lease_id uuid, result jsonb default null)
returns boolean language plpgsql volatile security definer set search_path from current as $complete$
declare
    v_now timestamptz := clock_timestamp();
    v_job job;
begin
    select j.* into v_job from job as j where j.job_id = complete.job_id for update;
    if v_job.state is distinct from 'leased' or v_job.lease_id <> complete.lease_id then
        raise exception 'job % is not leased by %', complete.job_id, complete.lease_id using errcode = 'LH002';
    end if;
    delete from job as j where j.job_id = complete.job_id;
    insert into archive
    values (v_job.job_id, v_job.number, v_job.fence, v_job.submitted_at, v_job.available_at, v_job.leased_at, v_now,
            v_job.expires_at, v_job.lease_id, v_job.run_id, v_job.attempt, v_job.max_attempts, v_job.priority,
            v_job.crashes, 'succeeded', v_job.next_need, v_job.payload, v_job.submitted_by, v_job.worker_id,
            v_job.singleton_key, v_job.idempotency_key, v_job.on_dependency_failure, v_job.retry, v_job.metadata,
            v_job.error, v_job.error_code, v_job.step, complete.result);
    return true;
end
$complete$;
