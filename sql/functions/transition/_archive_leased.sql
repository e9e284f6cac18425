create or replace function _archive_leased(
    job_id uuid, lease_id uuid, state text, result jsonb, answer jsonb, now timestamptz
)
returns boolean
language plpgsql
volatile
as $_archive_leased$
declare
    v_key       text;
    v_awaited   boolean;
begin
    -- One statement locks the row, checks the lease, moves the row, and checks whether any job waits for it. That check
    -- is no newer than the lock, but this transaction got its id before the check. A dependency that the check misses
    -- therefore has a deferred item that cannot be dropped before this transaction has ended.
    with gone as (
        -- The columns are named: j.* would also hand on columns that the archive does not need, which costs more.
        delete from leased as j
        where j.job_id = _archive_leased.job_id
            and (_archive_leased.lease_id is null or j.lease_id = _archive_leased.lease_id)
        returning
            j.job_id, j.submitted_at, j.available_at, j.attempt, j.priority, j.crashes, j.cancel_requested, j.next_need,
            j.submitted_by, j.on_dependency_failure, j.payload, j.metadata, j.expires_at, j.singleton_key, j.options,
            j.fence, j.lease_id, j.worker_id, j.leased_at, j.answer, j.failure
    )
    insert into archive as a (
        job_id, submitted_at, available_at, ended_at, attempt, priority, crashes, cancel_requested, state, next_need,
        submitted_by, on_dependency_failure, payload, metadata, expires_at, singleton_key, options, fence, lease_id,
        worker_id, leased_at, answer, failure, result
    )
    select
        g.job_id, g.submitted_at, g.available_at, _archive_leased.now, g.attempt, g.priority, g.crashes,
        g.cancel_requested, _archive_leased.state, g.next_need, g.submitted_by, g.on_dependency_failure, g.payload,
        g.metadata, g.expires_at, g.singleton_key, g.options, g.fence,
        -- If the lease neither caused this end nor got an answer before, it is not kept: a replay would take it for the
        -- lease that ended the job.
        case
            when _archive_leased.lease_id is not null or coalesce(_archive_leased.answer, g.answer) is not null
                then g.lease_id
        end,
        g.worker_id, g.leased_at, coalesce(_archive_leased.answer, g.answer), g.failure, _archive_leased.result
    from gone as g
    returning a.singleton_key, exists (select from dependency as e where e.waits_for = _archive_leased.job_id)
    into v_key, v_awaited;
    if not found then
        return null;
    end if;

    if v_key is not null then
        perform _release_key(v_key, 'leased');
    end if;
    return v_awaited or _snapshot_is_fixed();
end
$_archive_leased$;

comment on function _archive_leased(uuid, uuid, text, jsonb, jsonb, timestamptz) is
    'Ends a leased job as succeeded or cancelled: moves it to the archive and unparks the next job of its singleton '
    'key. With a lease_id, does so only while that lease is current. Returns whether another job may wait for it: the '
    'caller then propagates the end (_propagate_end, or _defer_propagation). Returns null if there is no such job. '
    'Locks the job''s row, then tries to lock the singleton key. now is the result of _now_after_xid(). '
    '_archive_completed does this for many completes at once, _archive_unheld for a job that no worker holds.';
