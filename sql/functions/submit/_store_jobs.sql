create or replace function _store_jobs(requests _request[], ids uuid[], firsts uuid[], now timestamptz)
returns submitted[]
language plpgsql
volatile
as $_store_jobs$
declare
    v_blocked       boolean[];
    v_parked        boolean[];
    v_known         uuid[];
    v_ending        bigint[];
    v_end_states    text[];
    v_ended_by      uuid[];
    v_stored        submitted[];
    v_request       _request;
    v_at            bigint;
    v_dependencies  uuid[];
    v_end_state     text;
    v_by            uuid;
begin
    v_blocked := array_fill(false, array[cardinality(requests)]);
    -- An element can wait for another one of the batch only if that one was given its id.
    v_known := array(
        select r.job_id
        from unnest(requests) with ordinality as r
        where r.job_id is not null and firsts[r.ordinality] is null
    );
    for v_at in
        select r.ordinality
        from unnest(requests) with ordinality as r
        where firsts[r.ordinality] is null and (r.expires_at is not null or r.wait_for <> '{}')
    loop
        v_request := requests[v_at];
        v_end_state := null;
        -- after the idempotency key was looked up: a request that is repeated too late is still a repeated request
        if v_request.expires_at is not null then
            perform _check_expires_at(format('jobs[%s].expires_at', v_at - 1), v_request.expires_at, now);
        end if;
        if v_request.wait_for <> '{}' then
            select r.dependencies, r.end_state, r.ended_by into v_dependencies, v_end_state, v_by
            from _resolve_wait_for(ids[v_at], v_request.wait_for, v_request.on_dependency_failure, v_known) as r;
            if v_dependencies is not null then
                perform _add_dependencies(ids[v_at], v_dependencies);
            end if;
            v_blocked[v_at] := v_dependencies is not null or v_end_state is not null;
        end if;
        if v_end_state is not null or v_request.expires_at <= v_request.available_at then
            v_ending := v_ending || v_at;
            v_end_states := v_end_states || v_end_state;
            v_ended_by := v_ended_by || v_by;
        end if;
    end loop;
    v_parked := _park_followers(requests, ids, firsts, v_blocked, now);
    perform _insert_jobs(requests, ids, firsts, v_blocked, v_parked, now);
    v_stored := array(
        select
            case
                when firsts[r.ordinality] is not null then _answer_known_job(firsts[r.ordinality])
                else (
                    ids[r.ordinality], true, _entry_state(v_blocked[r.ordinality], r.available_at, now),
                    coalesce(r.available_at, now)
                )::submitted
            end
        from unnest(requests) with ordinality as r
    );
    for v_at, v_end_state, v_by in
        select e.at, e.end_state, e.by from unnest(v_ending, v_end_states, v_ended_by) as e (at, end_state, by)
    loop
        if v_end_state is not null then
            perform _end_by_dependency(ids[v_at], v_end_state, v_by, null, now);
        else
            perform _bury_expired(_lock_job(ids[v_at]), now);
            perform _propagate_end(ids[v_at]);
        end if;
        v_stored[v_at].state := coalesce(v_end_state, 'dead');
    end loop;
    return v_stored;
end
$_store_jobs$;

comment on function _store_jobs(_request[], uuid[], uuid[], timestamptz) is
    'Does for a batch what _store_job does for one job: writes its jobs, except those that exist already (firsts, null '
    'for none), and returns the answers of submit. The jobs may wait for each other. now: _now_after_xid(). Raises '
    'LH004, LH010.';
