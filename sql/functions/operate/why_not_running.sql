create or replace function why_not_running(job_id uuid)
returns setof reason
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
set enable_bitmapscan to off
as $why_not_running$
declare
    v_job   job;
    v_ended text;
    v_now   constant timestamptz := _now();
begin
    if job_id is null then
        perform _raise_invalid_argument('job_id', 'must not be null');
    end if;
    select j.* into v_job from job as j where j.job_id = why_not_running.job_id;
    if not found then
        v_ended := _ended_as(job_id);
        if v_ended is null then
            perform _raise_job_not_found(job_id);
        end if;
        return query
        select
            'ended', 'it ' || case v_ended when 'succeeded' then v_ended else 'was cancelled' end,
            null::timestamptz, null::uuid;
        return;
    end if;

    if v_job.state = 'dead' then
        return query
        select 'dead', (v_job.failure).dead_reason || ': bring it back with redrive', null::timestamptz, null::uuid;
    elsif v_job.state = 'leased' then
        v_job.lease_expires_at := _expires_at(v_job.fence, v_job.lease_expires_at);
        return query
        select
            case when v_job.lease_expires_at > v_now then 'leased' else 'lease_ran_out' end,
            format('attempt %s by %s', v_job.attempt, v_job.worker_id), v_job.lease_expires_at, null::uuid;
    elsif v_job.state = 'blocked' then
        return query
        select
            'blocked', format('waits for a job that is %s', coalesce(d.state, 'ended: it is about to be freed')),
            null::timestamptz, e.waits_for
        -- offset, limit: by the job, then one probe for each; a join could become one over all jobs that wait
        from (select o.waits_for from dependency as o where o.job_id = why_not_running.job_id offset 0) as e
        left join lateral (select o.state from job as o where o.job_id = e.waits_for limit 1) as d on true
        order by e.waits_for
        limit 100;
    elsif v_job.state = 'scheduled' then
        return query
        select
            'scheduled',
            case
                when v_job.available_at <= v_now then 'its time has come: the next get_work or sweep promotes it'
                when (v_job.failure).error is not null then format('backs off after attempt %s', v_job.attempt)
                else 'its time has not come'
            end,
            v_job.available_at, null::uuid;
    else
        return query select r.* from _why_not_claimed(v_job) as r;
    end if;
    return query
    select
        'maintenance_fails',
        format(
            '%s raised %s: %s (%s)',
            e.step, e.error_code, left(e.error, 200), case when e.tries = 1 then '1 time' else e.tries || ' times' end
        ),
        e.retry_at, null::uuid
    from maintenance_error as e
    where e.subject in (v_job.job_id::text, v_job.singleton_key)
    order by e.step, e.subject;
    if v_job.state in ('blocked', 'scheduled', 'ready') and v_job.expires_at is not null then
        return query
        select
            'expires',
            case
                when v_job.expires_at <= v_now then 'too late: it is about to be buried'
                else 'it is buried if it has not started by then'
            end,
            v_job.expires_at, null::uuid;
    end if;
end
$why_not_running$;

comment on function why_not_running(uuid) is
    'The reasons why no worker is executing a job now: reason (ended, dead, leased, lease_ran_out, blocked, scheduled, '
    'singleton_busy, waits_for_a_worker, maintenance_fails, expires and, if it is known, no_worker_has_asked), detail '
    'for a person, until when, and which job it waits for. Locks nothing. Raises LH003, LH010.';
