create or replace function _unbury_dependents(ids uuid[], now timestamptz)
returns void
language plpgsql
volatile
as $_unbury_dependents$
begin
    -- Dead jobs are found by dead_reason. With state = 'dead' the planner could choose the index of all dead jobs.
    with back as (
        delete from only job as j
        where j.job_id = any (ids)
            and (j.failure).dead_reason = 'dependency_failed' and j.on_dependency_failure = 'cascade'
            and not exists (
                select from dependency as e
                cross join lateral (
                    select from only job as d
                    where d.job_id = e.waits_for and (d.failure).dead_reason is not null
                    limit 1
                ) as d
                where e.job_id = j.job_id
            )
        returning j.*
    ), anew as (
        insert into job (
            job_id, number, submitted_at, available_at, attempt, priority, crashes, parked, cancel_requested, state,
            next_need, submitted_by, on_dependency_failure, payload, metadata, expires_at, singleton_key, options,
            fence, lease_id, worker_id, leased_at, lease_expires_at, check_at, answer, failure, ended_at
        )
        select
            b.job_id, b.number, b.submitted_at, b.available_at, 0, b.priority, 0, b.parked, b.cancel_requested,
            'blocked', b.next_need, b.submitted_by, b.on_dependency_failure, b.payload, b.metadata,
            -- As in _redrive_job: an expires_at that leaves no time to start is dropped.
            case when b.expires_at > greatest(b.available_at, _unbury_dependents.now) then b.expires_at end,
            b.singleton_key, b.options, b.fence, b.lease_id, b.worker_id, b.leased_at, b.lease_expires_at, b.check_at,
            b.answer, null, null
        from back as b
    ), recorded as (
        insert into history (job_id, at, event, actor, state, attempt)
        select b.job_id, _unbury_dependents.now, 'redriven', 'leasehold', 'blocked', 0 from back as b
    )
    -- Jobs that died with these are brought back by the propagation.
    insert into deferred (kind, job_id)
    select 'ended', b.job_id
    from back as b
    where exists (select from dependency as e where e.waits_for = b.job_id);
end
$_unbury_dependents$;

comment on function _unbury_dependents(uuid[], timestamptz) is
    'Brings back, as blocked, those of the given jobs that died by cascade and no longer wait for a dead job. The '
    'caller holds their locks.';
