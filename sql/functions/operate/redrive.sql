create or replace function redrive(job_id uuid, actor text, reason text default null, expires_at timestamptz default null)
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
    v_ended text;
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
    if v_job.state = 'dead' then
        return _redrive_job(v_job, actor, reason, expires_at, v_now);
    end if;

    if v_job.job_id is not null then
        raise exception 'job % is %, not dead', job_id, v_job.state
            using errcode = 'LH009',
                  detail = jsonb_build_object('job_id', job_id, 'state', v_job.state)::text,
                  hint = 'Only a dead job is brought back; this one lives.';
    end if;
    v_ended := _ended_as(job_id);
    if v_ended is null then
        perform _raise_job_not_found(job_id);
    elsif v_ended = 'cancelled' then
        raise exception 'job % was cancelled', job_id
            using errcode = 'LH007', detail = jsonb_build_object('job_id', job_id)::text, hint = 'Submit a new job.';
    end if;
    raise exception 'job % already ended: %', job_id, v_ended
        using errcode = 'LH008',
              detail = jsonb_build_object('job_id', job_id, 'state', v_ended)::text,
              hint = 'Its work is done; submit a new job to do it again.';
end
$redrive$;

comment on function redrive(uuid, text, text, timestamptz) is
    'Brings a dead job back: blocked, scheduled or ready, as its remaining dependencies and its time say, with attempts and crashes at nothing; and '
    'what died with it by cascade. expires_at: null keeps the old one where it leaves time to start, else drops it; infinity: none. actor and reason '
    '(at most 1,000 bytes) are kept in the history. Returns state, available_at, attempt. Locks the job''s row, then tries for its dependents. Raises '
    'LH003, LH007, LH008, LH009 (not dead), LH010.';
