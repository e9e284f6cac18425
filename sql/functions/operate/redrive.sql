create or replace function redrive(
    job_id uuid,
    actor text,
    reason text default null,
    expires_at timestamptz default null
)
returns outcome
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $redrive$
declare
    v_job   job;
    v_now   constant timestamptz := _now();
begin
    if job_id is null then
        perform _raise_invalid_argument('job_id', 'must not be null');
    end if;
    perform _check_text('actor', actor, 200);
    if reason is not null then
        perform _check_text('reason', reason, 1000);
    end if;
    perform _check_expires_at('expires_at', nullif(expires_at, 'infinity'), v_now);
    v_job := _lock_job(job_id);
    if v_job.job_id is null then
        perform _raise_job_ended(job_id, _ended_as(job_id), 'Its end is final: submit a new job to do the work.');
    elsif v_job.state <> 'dead' then
        raise exception 'job % is %, not dead', job_id, v_job.state
            using errcode = 'LH009',
                  detail = jsonb_build_object('job_id', job_id, 'state', v_job.state)::text,
                  hint = 'Only a dead job can be brought back, and this one is alive.';
    end if;

    return _redrive_job(v_job, actor, reason, expires_at, v_now);
end
$redrive$;

comment on function redrive(uuid, text, text, timestamptz) is
    'Brings a dead job back: it becomes blocked, scheduled or ready, as its remaining dependencies and its '
    'available_at require, with attempts and crashes at 0. The jobs that died with it by cascade come back as well. '
    'expires_at: null keeps the earlier one if it leaves time to start, and else removes it; infinity removes it. '
    'actor and reason (at most 1,000 bytes) are kept in the history. Returns state, available_at, attempt. Locks the '
    'row of the job, then its dependents, without waiting for those. Raises LH003, LH007, LH008, LH009 (not dead), '
    'LH010.';
