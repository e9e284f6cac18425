create or replace function _replay_or_raise(job_id uuid, lease_id uuid, verb text)
returns jsonb
language plpgsql
volatile
as $_replay_or_raise$
declare
    v_live      job;
    v_ended     archive;
    v_state     text;
    v_answer    jsonb;
    v_detail    text := jsonb_build_object('job_id', job_id, 'lease_id', lease_id)::text;
begin
    -- live first: a job moves from there to the archive, never back, so that one of the two looks finds it
    select j.* into v_live from job as j where j.job_id = _replay_or_raise.job_id;
    select a.* into v_ended from archive as a where a.job_id = _replay_or_raise.job_id;
    if v_ended.job_id is not null then
        v_live := null;
    elsif v_live.job_id is null then
        perform _raise_job_not_found(job_id);
    end if;
    v_state := coalesce(v_ended.state, v_live.state);
    if _snapshot_is_fixed() and _fence_of_lease(job_id, lease_id) > coalesce(v_ended.fence, v_live.fence, 0) then
        raise exception 'job % was leased after this transaction took its snapshot', job_id
            using errcode = 'serialization_failure', detail = v_detail, hint = 'Try the transaction again.';
    end if;

    -- the very lease that ended it, saying the same again: its reply was lost
    if coalesce(v_ended.lease_id, v_live.lease_id) = lease_id then
        v_answer := coalesce(v_ended.answer, v_live.answer);
        if v_answer ->> 'verb' = verb then
            return v_answer;
        elsif v_answer is null and v_state = 'succeeded' and verb = 'complete' then
            raise exception 'this lease already completed job %', job_id
                using errcode = 'LH018',
                      -- not the result: what is raised is written to the server's log
                      detail = v_detail,
                      hint = 'The work is done and recorded. A call that stood alone may take this for success; inside a transaction, roll back what was '
                          'written again. Then go on to the next job. lease_status has the result.';
        end if;
    end if;

    if v_state = 'cancelled' then
        raise exception 'job % was cancelled', job_id
            using errcode = 'LH007', detail = v_detail, hint = 'Stop working on it.';
    elsif v_state in ('succeeded', 'dead') then
        raise exception 'job % already ended: %', job_id, v_state
            using errcode = 'LH008', detail = (v_detail::jsonb || jsonb_build_object('state', v_state))::text,
                  hint = 'Stop working on it; its end stands.';
    elsif _fence_of_lease(job_id, lease_id) <= v_live.fence then
        raise exception 'an earlier lease of job %: it ended, and the job was taken from it', job_id
            using errcode = 'LH001', detail = v_detail, hint = 'Stop: another worker may hold the job. Roll back what you wrote for it.';
    end if;
    raise exception 'no lease of job %', job_id
        using errcode = 'LH002', detail = v_detail, hint = 'Use the job_id and lease_id of one row of get_work together.';
end
$_replay_or_raise$;

comment on function _replay_or_raise(uuid, uuid, text) is
    'Why this lease may not do this to this job: raises LH003, LH018, LH007, LH008, LH001 or LH002, in this order; or returns the answer that '
    'the same lease got from the same verb before.';
