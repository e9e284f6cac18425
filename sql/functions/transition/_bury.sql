create or replace function _bury(
    v_job job, reason text, error text, error_code text, answer jsonb, actor text, now timestamptz
)
returns void
language plpgsql
volatile
as $_bury$
declare
    v_was constant text := v_job.state;
begin
    v_job.state := 'dead';
    v_job.failure := case
        when _bury.error is not null then _pack_failure(_bury.error, _bury.error_code, reason)
        else _pack_failure((v_job.failure).error, (v_job.failure).error_code, reason)
    end;
    v_job.ended_at := now;
    v_job.answer := coalesce(_bury.answer, v_job.answer);
    v_job.cancel_requested := false;
    v_job.parked := false;
    v_job.check_at := null;
    perform _replace_job_row(v_job);
    perform _record_history(
        v_job.job_id, 'buried', actor, 'dead', v_job.attempt, reason, now, _bury.error, _bury.error_code
    );
    if v_job.singleton_key is not null then
        perform _release_key(v_job.singleton_key, v_was);
    end if;
end
$_bury$;

comment on function _bury(job, text, text, text, jsonb, text, timestamptz) is
    'Makes a job dead. No other function does. The caller holds the lock of v_job, which is the job''s row except '
    'that crashes may already have its new value. The caller propagates the end (_propagate_end, or '
    '_defer_propagation).';
