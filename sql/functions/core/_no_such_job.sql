create or replace function _no_such_job(job_id uuid)
returns void
language plpgsql
volatile
as $_no_such_job$
begin
    raise exception 'no job %', job_id
        using errcode = 'LH003',
              detail = jsonb_build_object('job_id', job_id)::text,
              hint = 'It was never submitted here, its submit was rolled back or has not committed, or it was purged.';
end
$_no_such_job$;

comment on function _no_such_job(uuid) is 'Raises LH003.';
