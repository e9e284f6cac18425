create or replace function _raise_job_ended(job_id uuid, state text, hint text, lease_id uuid default null)
returns void
language plpgsql
volatile
as $_raise_job_ended$
declare
    v_detail jsonb := jsonb_strip_nulls(jsonb_build_object('job_id', job_id, 'lease_id', lease_id));
begin
    if state is null then
        perform _raise_job_not_found(job_id);
    elsif state = 'cancelled' then
        raise exception 'job % was cancelled', job_id
            using errcode = 'LH007', detail = v_detail::text, hint = _raise_job_ended.hint;
    end if;
    raise exception 'job % already ended: %', job_id, state
        using errcode = 'LH008',
              detail = (v_detail || jsonb_build_object('state', state))::text,
              hint = _raise_job_ended.hint;
end
$_raise_job_ended$;

comment on function _raise_job_ended(uuid, text, text, uuid) is
    'Raises why nothing can be done to a job that has ended in this state (_ended_as): LH007 if it was cancelled, '
    'LH008 if it succeeded or is dead, LH003 if there is no such job (null). The detail names lease_id, if given.';
