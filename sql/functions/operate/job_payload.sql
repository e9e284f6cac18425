create or replace function job_payload(job_id uuid)
returns payload_info
language plpgsql
stable
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $job_payload$
declare
    v_info  payload_info;
begin
    if job_id is null then
        perform _raise_invalid_argument('job_id', 'must not be null');
    end if;
    -- one statement, hence one snapshot: the job may be moving to the archive
    select i.payload, coalesce(i.metadata, '{}'), i.result
    into v_info
    from (
        select j.payload, j.metadata, null::jsonb as result from job as j where j.job_id = job_payload.job_id
        union all
        select a.payload, a.metadata, a.result from archive as a where a.job_id = job_payload.job_id
    ) as i;
    if not found then
        perform _raise_job_not_found(job_id);
    end if;
    return v_info;
end
$job_payload$;

comment on function job_payload(uuid) is
    'What one job, live or archived, carries: payload, metadata, result. A role that may call this sees them, and '
    'lease_id, in job() and in the view finished, too: operators, and the roles to which the owner grants EXECUTE. '
    'Locks nothing. Raises LH003, LH010.';
