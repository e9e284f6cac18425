create or replace function _requeue(v_job job, verb text, actor text, detail text, edges uuid[], doom text, doomed_by uuid, now timestamptz)
returns outcome
language plpgsql
volatile
as $_requeue$
declare
    v_was       constant text := v_job.state;
    v_outcome   outcome;
begin
    -- blocked is a state that nobody takes it from: what follows says what comes next
    v_job.state := 'blocked';
    v_job.crashes := 0;
    v_job.parked := false;
    v_job.check_at := null;
    v_job.failure := _pack_failure((v_job.failure).error, (v_job.failure).error_code);
    v_job.ended_at := null;
    perform _replace_job_row(v_job);
    if edges is not null then
        perform _add_dependencies(v_job.job_id, edges);
    end if;

    if doom is not null then
        v_outcome := (doom, null, v_job.attempt)::outcome;
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
    if doom is not null then
        perform _end_by_dependency(v_job.job_id, doom, doomed_by, v_job.answer, now);
    end if;
    if v_job.singleton_key is not null then
        perform _release_key(v_job.singleton_key, v_was);
    end if;
    return v_outcome;
end
$_requeue$;

comment on function _requeue(job, text, text, text, uuid[], text, uuid, timestamptz) is
    'The one way back to waiting (release, reschedule, redrive): writes what v_job now says, its new edges, and lets it enter the queue if it waits for '
    'nothing, or ends it where something it was to wait for dooms it. The caller holds the lock of the job.';
