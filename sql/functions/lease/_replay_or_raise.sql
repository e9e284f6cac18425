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
    -- The live job is read first. A job moves from there to the archive and never back, so one of the two reads finds
    -- it.
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

    -- If the lease that ended the attempt repeats the same call, it has lost the reply.
    if coalesce(v_ended.lease_id, v_live.lease_id) = lease_id then
        v_answer := coalesce(v_ended.answer, v_live.answer);
        if v_answer ->> 'verb' = verb then
            return v_answer;
        elsif v_answer is null and v_state = 'succeeded' and verb = 'complete' then
            raise exception 'this lease already completed job %', job_id
                using errcode = 'LH018',
                      -- The result is left out, because errors are written to the server's log.
                      detail = v_detail,
                      hint = 'The work is done and recorded. A call that was a transaction of its own may treat this '
                          'as success. In a larger transaction, roll back what was written again. Then continue with '
                          'the next job. lease_status returns the result.';
        end if;
    end if;

    if v_state in ('succeeded', 'cancelled', 'dead') then
        perform _raise_job_ended(job_id, v_state, 'Stop working on it. How the job ended does not change.', lease_id);
    elsif _fence_of_lease(job_id, lease_id) <= v_live.fence then
        raise exception 'this lease of job % has ended', job_id
            using errcode = 'LH001', detail = v_detail,
                  hint = 'Stop, because another worker may hold the job. Roll back what was written for it.';
    end if;
    raise exception 'this lease is not a lease of job %', job_id
        using errcode = 'LH002', detail = v_detail,
              hint = 'Pass the job_id and the lease_id of the same row of get_work.';
end
$_replay_or_raise$;

comment on function _replay_or_raise(uuid, uuid, text) is
    'Called when this lease may not do this to the job. If the same lease got an answer from the same verb before, '
    'returns that answer. Otherwise raises the reason: LH003, LH018, LH007, LH008, LH001 or LH002, the first that '
    'applies. Raises 40001 if the lease is younger than the transaction''s fixed snapshot.';
