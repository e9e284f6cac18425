create or replace function _raise_cancel_requested(job_id uuid, lease_id uuid)
returns void
language plpgsql
volatile
as $_raise_cancel_requested$
begin
    raise exception 'cancellation of job % was requested', job_id
        using errcode = 'LH007',
              detail = jsonb_build_object('job_id', job_id, 'lease_id', lease_id)::text,
              hint = 'Stop, and call release or fail. complete still succeeds if the work is done.';
end
$_raise_cancel_requested$;

comment on function _raise_cancel_requested(uuid, uuid) is
    'Raises LH007 to a worker for whose job cancellation was requested.';
