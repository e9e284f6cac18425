create or replace function _settle_batch(done jsonb, strict boolean)
returns settled[]
language plpgsql
volatile
as $_settle_batch$
declare
    v_job_ids   uuid[];
    v_lease_ids uuid[];
    v_results   jsonb[];
    v_places    bigint[];
    v_jobs      bigint;
    v_plain     boolean;
    v_ended     settled[];
    v_named     uuid[];
    v_named_by  uuid[];
begin
    -- Recognizes the plain completes and reads them in the order of their locks. The code below handles what cannot be
    -- read.
    begin
        if jsonb_typeof(done) = 'array' and jsonb_array_length(done) <= 1000 then
            select
                array_agg(d.job_id order by d.job_id), array_agg(d.lease_id order by d.job_id),
                array_agg(d.result order by d.job_id), array_agg(d.place order by d.job_id), count(distinct d.job_id)
            into v_job_ids, v_lease_ids, v_results, v_places, v_jobs
            from (
                select
                    (e.element ->> 'job_id')::uuid as job_id, (e.element ->> 'lease_id')::uuid as lease_id,
                    e.element -> 'result' as result, e.ordinality as place
                from jsonb_array_elements(done) with ordinality as e (element, ordinality)
                where _is_plain_complete(e.element)
            ) as d;
        end if;
    exception
        when invalid_text_representation then
            null;
    end;

    v_plain := case when v_jobs is not null then v_jobs = jsonb_array_length(done) else false end;
    if not v_plain then
        perform _check_settle_elements(done);
        -- If a job is named twice, or another element may want to wait for it, the elements are settled one by one in
        -- their order.
        if v_jobs > 0 and exists (
            select from jsonb_array_elements(done) as d (element)
            having count(distinct (d.element ->> 'job_id')::uuid) < count(*)
                or bool_or(d.element ->> 'verb' = 'reschedule')
        ) then
            v_jobs := null;
        end if;
    end if;
    if not v_plain or _snapshot_is_fixed() then
        -- Takes all locks first, in the order of ids, because two batches that share leases must not deadlock. No job
        -- under another lease is locked, here or by its element: the element of a job that is leased again while this
        -- statement takes its locks would lock it out of order.
        select array_agg((d.element ->> 'job_id')::uuid), array_agg((d.element ->> 'lease_id')::uuid)
        into v_named, v_named_by
        from jsonb_array_elements(done) as d (element);
        perform from leased as j
        where j.job_id = any (v_named)
            -- "is true" keeps this from becoming a join. A plan for a join that is made while the table is small would
            -- read the whole table from then on.
            and ((j.job_id, j.lease_id) in (
                select n.job_id, n.lease_id from unnest(v_named, v_named_by) as n (job_id, lease_id)
            )) is true
        order by j.job_id
        for update;
    end if;
    if v_jobs > 0 and not _snapshot_is_fixed() then
        v_ended := _archive_completed(v_job_ids, v_lease_ids, v_results, v_places, _now_after_xid());
    end if;
    if cardinality(v_ended) = jsonb_array_length(done) then
        return v_ended;
    elsif strict then
        return _settle_each(done, v_ended, false);
    end if;
    -- Nearly always all elements succeed, so the batch is tried in one subtransaction. Only if that fails does each
    -- element get a subtransaction of its own.
    begin
        return _settle_each(done, v_ended, false);
    exception
        when others then
            if not _is_element_error(sqlstate) then
                raise;
            end if;
    end;
    return _settle_each(done, v_ended, true);
end
$_settle_batch$;

comment on function _settle_batch(jsonb, boolean) is
    'Does what settle and turn do with a batch: returns an answer for each element, in order. The completes of '
    'current leases are one statement; the other elements follow one by one. Locks the jobs'' rows in the order of '
    'their ids before anything else.';
