create or replace function _archive_unheld(v_job job, state text, result jsonb, answer jsonb, now timestamptz)
returns void
language plpgsql
volatile
as $_archive_unheld$
begin
    delete from job as j where j.job_id = v_job.job_id;
    insert into archive (
        job_id, submitted_at, available_at, ended_at, attempt, priority, crashes, cancel_requested, state, next_need,
        submitted_by, on_dependency_failure, payload, metadata, expires_at, singleton_key, options, fence, lease_id,
        worker_id, leased_at, answer, failure, result
    ) values (
        v_job.job_id, v_job.submitted_at, v_job.available_at, _archive_unheld.now, v_job.attempt, v_job.priority,
        v_job.crashes, v_job.cancel_requested, _archive_unheld.state, v_job.next_need, v_job.submitted_by,
        v_job.on_dependency_failure, v_job.payload, v_job.metadata, v_job.expires_at, v_job.singleton_key,
        v_job.options, v_job.fence,
        -- A lease that got no answer before did not cause this end.
        case when coalesce(_archive_unheld.answer, v_job.answer) is not null then v_job.lease_id end,
        v_job.worker_id, v_job.leased_at, coalesce(_archive_unheld.answer, v_job.answer),
        -- The dead_reason is dropped: a cancelled job is no longer dead.
        _pack_failure((v_job.failure).error, (v_job.failure).error_code), _archive_unheld.result
    );
    delete from dependency as e where e.job_id = v_job.job_id;
    if v_job.singleton_key is not null then
        perform _release_key(v_job.singleton_key, v_job.state);
    end if;
end
$_archive_unheld$;

comment on function _archive_unheld(job, text, jsonb, jsonb, timestamptz) is
    'Does what _archive_leased does, for a job that no worker holds. The caller holds the lock of v_job, which is the '
    'job''s row, and propagates the end (_propagate_end, or _defer_propagation).';
