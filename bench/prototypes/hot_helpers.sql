-- Variant of A: complete in steps, the steps being helper functions that return and take the whole row:
-- what calling _lock_job and _archive costs against the same statements written out (hot_steps).

\ir hot.sql

create function _lock_job(job_id uuid, lease_id uuid)
returns job language plpgsql volatile as $_lock_job$
declare
    v_job job;
begin
    select j.* into v_job from job as j where j.job_id = _lock_job.job_id for update;
    if v_job.state is distinct from 'leased' or v_job.lease_id <> _lock_job.lease_id then
        raise exception 'job % is not leased by %', _lock_job.job_id, _lock_job.lease_id using errcode = 'LH002';
    end if;
    return v_job;
end
$_lock_job$;

create function _archive(gone job, state text, ended_at timestamptz, result jsonb)
returns void language plpgsql volatile as $_archive$
begin
    delete from job as j where j.job_id = gone.job_id;
    insert into archive
    values (gone.job_id, gone.number, gone.fence, gone.submitted_at, gone.available_at, gone.leased_at,
            _archive.ended_at, gone.expires_at, gone.lease_id, gone.run_id, gone.attempt, gone.max_attempts,
            gone.priority, gone.crashes, _archive.state, gone.next_need, gone.payload, gone.submitted_by,
            gone.worker_id, gone.singleton_key, gone.idempotency_key, gone.on_dependency_failure, gone.retry,
            gone.metadata, gone.error, gone.error_code, gone.step, _archive.result);
end
$_archive$;

create or replace function complete(job_id uuid, lease_id uuid, result jsonb default null)
returns boolean language plpgsql volatile security definer set search_path from current as $complete$
declare
    v_now timestamptz := clock_timestamp();
    v_job job;
begin
    v_job := _lock_job(complete.job_id, complete.lease_id);
    perform _archive(v_job, 'succeeded', v_now, complete.result);
    return true;
end
$complete$;
