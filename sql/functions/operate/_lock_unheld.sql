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
    if v_job.state = 'leased' then
        raise exception 'job % is leased by %', job_id, v_job.worker_id
            using errcode = 'LH009',
                  detail = jsonb_build_object('job_id', job_id, 'state', 'leased', 'worker_id', v_job.worker_id)::text,
                  hint = 'Wait for its worker, or request its cancellation with cancel.';
    elsif v_job.state is null or v_job.state = 'dead' then
        v_ended := coalesce(v_job.state, _ended_as(job_id));
        perform _raise_job_ended(
            job_id, v_ended,
            case v_ended when 'dead' then 'Bring it back with redrive first.' else 'Its end is final.' end
        );
    end if;

    return v_job;
end
$_lock_unheld$;

comment on function _lock_unheld(uuid, text) is
    'Locks a job that no worker holds and returns it; a lease that has run out is ended first. Locks the row of the '
    'job. Raises LH003, LH007, LH008 (dead jobs included), LH009 (leased), LH010.';
