create or replace function _answer_known_job(job_id uuid)
returns submitted
language plpgsql
volatile
as $_answer_known_job$
declare
    v_known submitted;
begin
    -- one statement, one snapshot: the job may be moving from one to the other
    select s.job_id, false, s.state, s.available_at into v_known
    from (
        select j.job_id, j.state, j.available_at from job as j where j.job_id = _answer_known_job.job_id
        union all
        select a.job_id, a.state, a.available_at from archive as a where a.job_id = _answer_known_job.job_id
    ) as s;
    if not found then
        raise exception 'job % was purged at this moment', job_id
            using errcode = 'serialization_failure',
                  detail = jsonb_build_object('job_id', job_id)::text,
                  hint = 'Try the transaction again.';
    end if;
    return v_known;
end
$_answer_known_job$;

comment on function _answer_known_job(uuid) is
    'What submit answers for a job that it did not make: created = false, and the state it has by now. Raises 40001 where it has just been purged: '
    'never a row of nulls.';
