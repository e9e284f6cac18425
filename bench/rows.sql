-- The least that Leasehold's rows cost: functions that write and move them as submit, get_work and complete do, and do nothing else. They
-- check no argument, know no lane, ring no bell, look for no head of a key, and free nobody. In place of a mark an oracle: the claims that there
-- were, for a queue whose numbers begin at one and have no gaps. What Leasehold takes more than this is what makes a row a job.
--
-- The lists of columns are those of submit, _claim_one and _archive_leased, and change with them: with fewer columns this would not be the floor of those.
-- Into the schema of Leasehold, beside it: the tables are its own.

set search_path to leasehold, pg_temp;

create function _only_submit(next_need text, payload jsonb)
returns uuid
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $_only_submit$
declare
    v_id constant uuid := _uuid_v7(now());
begin
    insert into ready (
        job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by, on_dependency_failure, payload
    ) values (
        v_id, nextval('number_seq'), now(), now(), 100, 'ready', _only_submit.next_need, 'x', 'hold', _only_submit.payload
    );
    return v_id;
end
$_only_submit$;

create function _only_claim(next_need text, out job_id uuid, out lease_id uuid, out payload jsonb)
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $_only_claim$
declare
    v_from constant bigint := (select s.last_value - 100 from fence_seq as s);
begin
    with gone as (
        delete from ready as j
        where j.ctid = (
            select r.ctid
            from ready as r
            where hashtextextended(r.next_need, r.priority::bigint) = hashtextextended(_only_claim.next_need, 100) and r.number >= v_from
            order by r.number
            limit 1
            for no key update skip locked
        )
        returning
            j.job_id, j.number, j.submitted_at, j.available_at, j.attempt, j.priority, j.crashes, j.next_need, j.submitted_by,
            j.on_dependency_failure, j.payload, j.metadata, j.expires_at, j.singleton_key, j.options, j.failure,
            nextval('fence_seq') as fence, clock_timestamp() as at
    )
    insert into leased as j (
        job_id, number, submitted_at, available_at, attempt, priority, crashes, parked, cancel_requested, state, next_need, submitted_by,
        on_dependency_failure, payload, metadata, expires_at, singleton_key, options, fence, lease_id, worker_id, leased_at, lease_expires_at,
        check_at, answer, failure, ended_at
    )
    select
        g.job_id, g.number, g.submitted_at, g.available_at, g.attempt + 1, g.priority, g.crashes, false, false, 'leased'::text, g.next_need,
        g.submitted_by, g.on_dependency_failure, g.payload, g.metadata, g.expires_at, g.singleton_key, g.options, g.fence,
        _make_lease_id(g.job_id, g.fence), 'w'::text, g.at, g.at + '60 s', g.at + '60 s', null::jsonb, g.failure, null::timestamptz
    from gone as g
    returning j.job_id, j.lease_id, j.payload
    into _only_claim.job_id, _only_claim.lease_id, _only_claim.payload;
end
$_only_claim$;

create function _only_complete(job_id uuid, lease_id uuid)
returns boolean
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $_only_complete$
begin
    with gone as (
        delete from leased as j
        where j.job_id = _only_complete.job_id and j.lease_id = _only_complete.lease_id
        returning
            j.job_id, j.submitted_at, j.available_at, j.attempt, j.priority, j.crashes, j.cancel_requested, j.next_need, j.submitted_by,
            j.on_dependency_failure, j.payload, j.metadata, j.expires_at, j.singleton_key, j.options, j.fence, j.lease_id, j.worker_id, j.leased_at,
            j.answer, j.failure
    )
    insert into archive (
        job_id, submitted_at, available_at, ended_at, attempt, priority, crashes, cancel_requested, state, next_need, submitted_by,
        on_dependency_failure, payload, metadata, expires_at, singleton_key, options, fence, lease_id, worker_id, leased_at, answer, failure, result
    )
    select
        g.job_id, g.submitted_at, g.available_at, now(), g.attempt, g.priority, g.crashes, g.cancel_requested, 'succeeded'::text, g.next_need,
        g.submitted_by, g.on_dependency_failure, g.payload, g.metadata, g.expires_at, g.singleton_key, g.options, g.fence, g.lease_id, g.worker_id,
        g.leased_at, g.answer, g.failure, null::jsonb
    from gone as g;
    return found;
end
$_only_complete$;
