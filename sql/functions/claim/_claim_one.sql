create or replace function _claim_one(watermark watermark, worker_id text, lease interval)
returns work
language plpgsql
volatile
as $_claim_one$
declare
    v_place     tid;
    v_work      work;
    v_options   _job_options;
begin
    if watermark.keyed or cardinality(watermark.priorities) > 1 then
        select f.ctid into v_place
        from unnest(watermark.priorities, watermark.numbers) as l (priority, number)
        cross join lateral (
            select r.ctid
            from ready as r
            where _in_lane(r.next_need, r.priority, watermark.next_need, l.priority) and r.number >= l.number
            order by r.number
            limit 1
            for no key update skip locked
        ) as f
        where (
            -- This order is that of job_ready_head_idx. With another one the planner might walk another index.
            select h.number
            from only job as h
            where h.next_need = watermark.next_need and _is_ready_head(h.state, h.parked, h.singleton_key)
            order by h.next_need, h.priority, h.number
            limit 1
        ) is null
        limit 1;
    else
        -- The usual case: a need with one lane that never had a singleton_key. A statement of its own takes 6 % less of
        -- get_work.
        select r.ctid into v_place
        from ready as r
        where _in_lane(r.next_need, r.priority, watermark.next_need, watermark.priorities[1])
            and r.number >= watermark.numbers[1]
        order by r.number
        limit 1
        for no key update skip locked;
    end if;
    if v_place is null then
        return v_work;
    end if;

    with gone as (
        delete from ready as j
        where j.ctid = v_place
            -- The clock is read anew, because turn may have waited for the locks of the jobs that it settles.
            and (j.expires_at is null or j.expires_at > _now())
        returning
            j.job_id, j.number, j.submitted_at, j.available_at, j.attempt, j.priority, j.crashes, j.next_need,
            j.submitted_by, j.on_dependency_failure, j.payload, j.metadata, j.expires_at, j.singleton_key, j.options,
            j.failure, nextval('fence_seq') as fence, _now() as at
    )
    -- All columns are listed, in their order and with their types. Otherwise the plan has one more step, which costs as
    -- much as an index lookup.
    insert into leased as j (
        job_id, number, submitted_at, available_at, attempt, priority, crashes, parked, cancel_requested, state,
        next_need, submitted_by, on_dependency_failure, payload, metadata, expires_at, singleton_key, options, fence,
        lease_id, worker_id, leased_at, lease_expires_at, check_at, answer, failure, ended_at
    )
    select
        g.job_id, g.number, g.submitted_at, g.available_at, g.attempt + 1, g.priority, g.crashes, false, false,
        'leased'::text, g.next_need, g.submitted_by, g.on_dependency_failure, g.payload, g.metadata, g.expires_at,
        g.singleton_key, g.options, g.fence, _make_lease_id(g.job_id, g.fence), _claim_one.worker_id, g.at,
        g.at + lease, g.at + lease, null::jsonb, g.failure, null::timestamptz
    from gone as g
    returning
        j.job_id, j.lease_id, j.fence, j.next_need, j.payload, j.attempt, watermark.max_attempts, j.lease_expires_at,
        j.lease_expires_at - _now(), j.singleton_key, coalesce(j.metadata, '{}'), null::uuid, null::text,
        case when j.options is null then '{}'::jsonb end, false
    into v_work;
    -- Few jobs have options.
    if v_work.results is null and v_work.job_id is not null then
        v_options := (select j.options from leased as j where j.job_id = v_work.job_id);
        v_work.max_attempts := coalesce(v_options.max_attempts, v_work.max_attempts);
        v_work.run_id := v_options.run_id;
        v_work.step := v_options.step;
        if v_options.wait_for is not null then
            v_work.results := _dependency_results(v_options.wait_for);
            v_work.results_truncated := v_work.results is null;
        end if;
        v_work.results := coalesce(v_work.results, '{}');
    end if;
    return v_work;
end
$_claim_one$;

comment on function _claim_one(watermark, text, interval) is
    'Leases the first job of a need by its newest watermarks, if that job needs no further check. It looks at one '
    'lane after the other, from its watermark on, and locks a row, skipping locked rows. Null if there is no such '
    'job, if a head of a singleton key is ready, or if the job may not start any more. The job is deleted and '
    'inserted again, not updated, so that a claimer with an older snapshot that comes upon the old row finds it gone. '
    'It would follow an updated row to its new version, and lock that before it sees that the job is leased; the '
    'worker of the job would then have to wait for it. For several jobs: _grant_leases.';
