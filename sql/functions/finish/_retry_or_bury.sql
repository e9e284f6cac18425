create or replace function _retry_or_bury(
    v_job job, reason text, retry_after interval, error text, error_code text, verb text, actor text, now timestamptz
)
returns outcome
language plpgsql
volatile
as $_retry_or_bury$
declare
    v_next      timestamptz;
    v_state     text := 'scheduled';
    v_was       constant text := v_job.state;
    v_answer    jsonb;
    v_attempts  constant integer := coalesce((v_job.options).max_attempts, _setting_value('max_attempts')::integer);
begin
    if reason is null and v_job.attempt >= v_attempts then
        reason := 'attempts_exhausted';
    end if;
    if reason is null then
        -- The clock is read while the lock of the job is held. Maintenance does not look for jobs filed under times
        -- long past (_last_horizon).
        v_next := greatest(now, _now())
            + coalesce(_duration(retry_after), _backoff((v_job.options).retry, greatest(v_job.attempt, 1)));
        if v_job.expires_at <= v_next then
            reason := 'expired';
        end if;
    end if;
    -- A lease that ran out gets no answer, so that its worker gets LH001. A verb of an operator keeps the earlier
    -- answer.
    if verb = 'fail' then
        v_answer := jsonb_build_object('verb', verb, 'state', 'dead', 'available_at', null, 'attempt', v_job.attempt);
    end if;

    if reason is not null then
        -- A fail that buries is recorded by the burial. A lease that ran out is recorded in any case, because job()
        -- counts these records.
        if verb = 'reclaimed' then
            perform _record_history(v_job.job_id, verb, actor, 'dead', v_job.attempt, error_code, now);
        end if;
        perform _bury(v_job, reason, error, error_code, v_answer, actor, now);
        return ('dead', null, v_job.attempt)::outcome;
    end if;

    if exists (select from dependency as e where e.job_id = v_job.job_id) then
        v_state := 'blocked';
    end if;
    v_job.state := v_state;
    v_job.available_at := v_next;
    v_job.failure := _pack_failure(error, error_code);
    v_job.answer := coalesce(v_answer || jsonb_build_object('state', v_state, 'available_at', v_next), v_job.answer);
    v_job.parked := false;
    v_job.check_at := null;
    perform _replace_job_row(v_job);
    perform _record_history(v_job.job_id, verb, actor, v_state, v_job.attempt, null, now, error, error_code);
    if v_job.singleton_key is not null then
        perform _release_key(v_job.singleton_key, v_was);
    end if;
    if v_state = 'scheduled' then
        perform _wake_for_scheduled(array[v_job.next_need], array[v_next]);
    end if;
    return (v_state, v_next, v_job.attempt)::outcome;
end
$_retry_or_bury$;

comment on function _retry_or_bury(job, text, interval, text, text, text, text, timestamptz) is
    'Decides what becomes of a failed attempt. The job backs off; or it is buried, for the given reason, because its '
    'attempts are used up, or because it could only start after expires_at. The caller holds the lock of v_job, which '
    'is the job''s row except that crashes already has its new value. If the state returned is dead, the caller '
    'propagates the end (_propagate_end, or _defer_propagation).';
