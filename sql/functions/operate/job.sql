create or replace function job(job_id uuid)
returns job_info
language plpgsql
stable
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $job$
declare
    v_info  job_info;
    -- Whether the caller may see payloads: it needs the right to call job_payload, which the owner can grant.
    v_open  constant boolean := coalesce(
        (
            select has_function_privilege(r.oid, to_regprocedure('job_payload(uuid)'), 'execute')
            from pg_roles as r
            where r.rolname = _acting_role()
        ), false
    );
begin
    if job_id is null then
        perform _raise_invalid_argument('job_id', 'must not be null');
    end if;
    -- one statement, hence one snapshot: the job may be moving to the archive
    select
        i.job_id, i.state, i.next_need, case when v_open then i.payload end, i.priority, i.attempt,
        coalesce((i.options).max_attempts, _setting_value('max_attempts')::integer), i.crashes, i.available_at,
        i.expires_at, i.submitted_at, i.submitted_by, i.singleton_key, (i.options).idempotency_key,
        case when v_open then coalesce(i.metadata, '{}') end, coalesce((i.options).wait_for, '{}'),
        i.on_dependency_failure, coalesce((i.options).retry, _setting_value('retry')::jsonb), i.worker_id,
        case when v_open then i.lease_id end, i.fence, i.leased_at, i.lease_expires_at, i.cancel_requested,
        (i.failure).error, (i.failure).error_code, (i.failure).dead_reason, i.ended_at,
        case when v_open then i.result end, (i.options).run_id, (i.options).step, i.archived,
        -- if a lease ran out after cancellation was requested, history has only the cancellation
        (
            select count(*) from history as h
            where h.job_id = job.job_id
                and (h.event = 'reclaimed' or h.event = 'cancelled' and h.detail = 'its lease ran out')
        ),
        case when i.state = 'leased' then (select b.extended_at from heartbeat as b where b.fence = i.fence) end
    into v_info
    from (
        select
            j.job_id, j.state, j.next_need, j.payload, j.priority, j.attempt, j.crashes, j.available_at, j.expires_at,
            j.submitted_at, j.submitted_by, j.singleton_key, j.options, j.metadata, j.on_dependency_failure,
            j.worker_id, j.lease_id, j.fence, j.leased_at,
            case
                when j.state = 'leased' then _expires_at(j.fence, j.lease_expires_at)
                else j.lease_expires_at
            end as lease_expires_at,
            j.cancel_requested, j.failure, j.ended_at, null::jsonb as result, false as archived
        from job as j
        where j.job_id = job.job_id
        union all
        select
            a.job_id, a.state, a.next_need, a.payload, a.priority, a.attempt, a.crashes, a.available_at, a.expires_at,
            a.submitted_at, a.submitted_by, a.singleton_key, a.options, a.metadata, a.on_dependency_failure,
            a.worker_id, a.lease_id, a.fence, a.leased_at, null,
            a.cancel_requested, a.failure, a.ended_at, a.result, true
        from archive as a
        where a.job_id = job.job_id
    ) as i;
    if not found then
        perform _raise_job_not_found(job_id);
    end if;
    return v_info;
end
$job$;

comment on function job(uuid) is
    'One job, live or archived, as it is now. payload, metadata, result and lease_id are null for a caller that may '
    'not call job_payload. crashes counts the leases that have run out in a row, leases_run_out all that ever have. '
    'extended_at is when the current lease was last extended. Locks nothing. Raises LH003, LH010.';
