create or replace function _requeue(
    v_job job, verb text, actor text, detail text, dependencies uuid[], end_state text, ended_by uuid, now timestamptz
)
returns outcome
language plpgsql
volatile
as $_requeue$
declare
    v_was       constant text := v_job.state;
    v_outcome   outcome;
begin
    -- No other session takes a job out of the state blocked. The code below decides its next state.
    v_job.state := 'blocked';
    v_job.crashes := 0;
    v_job.parked := false;
    v_job.check_at := null;
    v_job.failure := _pack_failure((v_job.failure).error, (v_job.failure).error_code);
    v_job.ended_at := null;
    perform _replace_job_row(v_job);
    if dependencies is not null then
        perform _add_dependencies(v_job.job_id, dependencies);
    end if;

    if end_state is not null then
        v_outcome := (end_state, null, v_job.attempt)::outcome;
    else
        if not exists (select from dependency as e where e.job_id = v_job.job_id) then
            perform _enqueue(array[v_job.job_id], now);
        end if;
        select j.state, case when j.state <> 'dead' then j.available_at end, j.attempt
        into v_outcome
        from job as j
        where j.job_id = v_job.job_id;
    end if;
    if v_was = 'leased' then
        update job as j
        set answer = jsonb_build_object('verb', verb) || to_jsonb(v_outcome)
        where j.job_id = v_job.job_id
        returning j.answer into v_job.answer;
    end if;
    perform _record_history(v_job.job_id, verb, actor, v_outcome.state, v_outcome.attempt, detail, now);
    if end_state is not null then
        perform _end_by_dependency(v_job.job_id, end_state, ended_by, v_job.answer, now);
    end if;
    if v_job.singleton_key is not null then
        perform _release_key(v_job.singleton_key, v_was);
    end if;
    return v_outcome;
end
$_requeue$;

comment on function _requeue(job, text, text, text, uuid[], text, uuid, timestamptz) is
    'Makes a job wait again (release, reschedule, redrive); no other function does. Writes the job as v_job says, '
    'with its new dependencies. If it then waits for nothing, it enters the queue. If end_state is not null, a job '
    'that it was to wait for (ended_by) has ended, and the job ends as dead or cancelled instead. The caller holds '
    'the lock of the job.';
