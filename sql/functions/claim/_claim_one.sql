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
            where hashtextextended(r.next_need, r.priority::bigint) = hashtextextended(watermark.next_need, l.priority::bigint)
                and r.next_need = watermark.next_need and r.priority = l.priority and r.number >= l.number
            order by r.number
            limit 1
            for no key update skip locked
        ) as f
        where (
            -- in the order of the index of heads: another one could be walked for it
            select h.number from only job as h where h.next_need = watermark.next_need and h.state = 'ready' and not h.parked and h.singleton_key is not null
            order by h.next_need, h.priority, h.number
            limit 1
        ) is null
        limit 1;
    else
        -- nearly always: the one lane there is, of a need that never had a singleton_key. By itself it takes 6 % less of get_work.
        select r.ctid into v_place
        from ready as r
        where hashtextextended(r.next_need, r.priority::bigint) = hashtextextended(watermark.next_need, watermark.priorities[1]::bigint)
            and r.next_need = watermark.next_need and r.priority = watermark.priorities[1] and r.number >= watermark.numbers[1]
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
            -- by a clock that is read now: turn may have waited for the locks of what it ends
            and (j.expires_at is null or j.expires_at > _now())
        returning
            j.job_id, j.number, j.submitted_at, j.available_at, j.attempt, j.priority, j.crashes, j.next_need, j.submitted_by,
            j.on_dependency_failure, j.payload, j.metadata, j.expires_at, j.singleton_key, j.options, j.failure, nextval('fence_seq') as fence, _now() as at
    )
    -- all columns in their order, and of their types: else the plan has a step more, which costs as much as a look at an index
    insert into leased as j (
        job_id, number, submitted_at, available_at, attempt, priority, crashes, parked, cancel_requested, state, next_need, submitted_by,
        on_dependency_failure, payload, metadata, expires_at, singleton_key, options, fence, lease_id, worker_id, leased_at, lease_expires_at,
        check_at, answer, failure, ended_at
    )
    select
        g.job_id, g.number, g.submitted_at, g.available_at, g.attempt + 1, g.priority, g.crashes, false, false, 'leased'::text, g.next_need,
        g.submitted_by, g.on_dependency_failure, g.payload, g.metadata, g.expires_at, g.singleton_key, g.options, g.fence,
        _make_lease_id(g.job_id, g.fence), _claim_one.worker_id, g.at, g.at + lease, g.at + lease, null::jsonb, g.failure, null::timestamptz
    from gone as g
    returning
        j.job_id, j.lease_id, j.fence, j.next_need, j.payload, j.attempt, watermark.max_attempts, j.lease_expires_at, j.lease_expires_at - _now(),
        j.singleton_key, coalesce(j.metadata, '{}'), null::uuid, null::text, case when j.options is null then '{}'::jsonb end, false
    into v_work;
    -- few have options
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
    'Leases the first job of a need, if there is one that wants no second look, by its newest marks: lane after lane from the marks on, locking by skipping '
    'what is locked. Null where there is none, where a head of a singleton key is ready, where the job may not start any more. '
    'The job is deleted and written anew, not updated: a claimer with an older look, who runs into the old row, finds it gone. An updated one he '
    'would follow to its new version, and lock that before he sees that it is leased; its worker would have to wait for him. Many: _grant_leases.';
