create or replace function _raise_job_not_found(job_id uuid)
returns void
language plpgsql
volatile
as $_raise_job_not_found$
begin
    raise exception 'job % was not found', job_id
        using errcode = 'LH003',
              detail = jsonb_build_object('job_id', job_id)::text,
              hint = 'It was never submitted here, its submit was rolled back or has not committed, or it was purged.';
end
$_raise_job_not_found$;

comment on function _raise_job_not_found(uuid) is 'Raises LH003.';
