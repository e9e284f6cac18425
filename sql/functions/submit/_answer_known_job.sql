create or replace function _answer_known_job(job_id uuid)
returns submitted
language plpgsql
volatile
as $_answer_known_job$
declare
    v_known submitted;
begin
    -- One statement has one snapshot: the job may be moving from one table to the other.
    select s.job_id, false, s.state, s.available_at into v_known
    from (
        select j.job_id, j.state, j.available_at from job as j where j.job_id = _answer_known_job.job_id
        union all
        select a.job_id, a.state, a.available_at from archive as a where a.job_id = _answer_known_job.job_id
    ) as s;
    if not found then
        raise exception 'job % has just been purged', job_id
            using errcode = 'serialization_failure',
                  detail = jsonb_build_object('job_id', job_id)::text,
                  hint = 'Try the transaction again.';
    end if;
    return v_known;
end
$_answer_known_job$;

comment on function _answer_known_job(uuid) is
    'Returns the answer of submit for a job that an earlier submit made: created = false, and its present state. '
    'Raises 40001 if the job has just been purged, so that submit never returns a row of nulls.';
