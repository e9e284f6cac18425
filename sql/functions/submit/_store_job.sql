create or replace function _store_job(v_request _request, job_id uuid, now timestamptz)
returns submitted
language plpgsql
volatile
as $_store_job$
declare
    v_wait_for      uuid[] := v_request.wait_for;
    v_dependencies  uuid[];
    v_doom          text;
    v_doomed_by     uuid;
    v_state         text;
    v_parked        boolean := false;
    v_submitted     submitted;
begin
    -- not before the idempotency key was looked at: a request that is repeated too late is a repeated request all the same
    if v_request.expires_at is not null then
        perform _check_expires_at('expires_at', v_request.expires_at, now);
    end if;
    if v_wait_for <> '{}' then
        v_wait_for := array(select distinct w.id from unnest(v_wait_for) as w (id));
        select r.edges, r.doom, r.doomed_by into v_dependencies, v_doom, v_doomed_by
        from _resolve_wait_for(job_id, v_wait_for, v_request.on_dependency_failure, null) as r;
    end if;

    v_state := case
        when v_dependencies is not null or v_doom is not null then 'blocked'
        when v_request.available_at > now then 'scheduled'
        else 'ready'
    end;
    if v_request.singleton_key is not null and v_state = 'ready' then
        v_parked := _key_is_busy(job_id, v_request.singleton_key, v_request.next_need, v_request.priority::smallint);
        if v_parked then
            insert into deferred (kind, singleton_key) values ('key', v_request.singleton_key);
        end if;
    end if;

    v_submitted := _insert_job(
        job_id, v_request.next_need, v_request.payload, v_request.priority, v_state, v_parked, coalesce(v_request.available_at, now),
        nullif(v_wait_for, '{}'), v_request.singleton_key, v_request.idempotency_key, v_request.expires_at, v_request.max_attempts,
        v_request.retry, v_request.on_dependency_failure, nullif(v_request.metadata, '{}'), v_request.submitted_by, now
    );
    if v_dependencies is not null then
        perform _add_dependencies(job_id, v_dependencies);
    end if;
    if v_doom is not null then
        perform _end_by_dependency(job_id, v_doom, v_doomed_by, null, now);
        v_submitted.state := v_doom;
    elsif v_request.expires_at <= v_request.available_at then
        perform _bury(_lock_job(job_id), 'expired', null, null, null, 'leasehold', now);
        v_submitted.state := 'dead';
    end if;
    return v_submitted;
end
$_store_job$;

comment on function _store_job(_request, uuid, timestamptz) is
    'Writes a job that has been checked, and whose key and id, if it has them, are claimed. What _store_jobs does for many, at half its cost for one. '
    'Raises LH004, LH010.';
