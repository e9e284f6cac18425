create or replace function _lock_unheld(job_id uuid, actor text)
returns job
language plpgsql
volatile
as $_lock_unheld$
declare
    v_job   job;
    v_ended text;
begin
    if job_id is null then
        perform _raise_invalid_argument('job_id', 'must not be null');
    end if;
    perform _check_text('actor', actor, 200);
    v_job := _lock_job(job_id);
    if v_job.state = 'leased' and _reclaim_one(job_id, _now()) then
        v_job := _lock_job(job_id);
    end if;
    if v_job.state in ('blocked', 'scheduled', 'ready') then
        return v_job;
    end if;

    if v_job.state = 'leased' then
        raise exception 'job % is leased by %', job_id, v_job.worker_id
            using errcode = 'LH009',
                  detail = jsonb_build_object('job_id', job_id, 'state', 'leased', 'worker_id', v_job.worker_id)::text,
                  hint = 'Wait for its worker, or ask for its cancellation with cancel.';
    end if;
    v_ended := coalesce(v_job.state, _ended_as(job_id));
    if v_ended is null then
        perform _raise_job_not_found(job_id);
    elsif v_ended = 'cancelled' then
        raise exception 'job % was cancelled', job_id
            using errcode = 'LH007', detail = jsonb_build_object('job_id', job_id)::text, hint = 'Its end stands.';
    end if;
    raise exception 'job % already ended: %', job_id, v_ended
        using errcode = 'LH008',
              detail = jsonb_build_object('job_id', job_id, 'state', v_ended)::text,
              hint = case v_ended when 'dead' then 'Bring it back with redrive first.' else 'Its end stands.' end;
end
$_lock_unheld$;

comment on function _lock_unheld(uuid, text) is
    'Locks a job that no worker holds (a lease that ran out is taken away first), or says why it is none: LH003, LH007, LH008, LH009, LH010.';
