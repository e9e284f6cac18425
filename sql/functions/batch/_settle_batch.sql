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
    -- recognized, and read in the order of locks, at once; what cannot be read is told apart below
    begin
        if jsonb_typeof(done) = 'array' and jsonb_array_length(done) <= 1000 then
            select
                array_agg(d.job_id order by d.job_id), array_agg(d.lease_id order by d.job_id), array_agg(d.result order by d.job_id),
                array_agg(d.place order by d.job_id), count(distinct d.job_id)
            into v_job_ids, v_lease_ids, v_results, v_places, v_jobs
            from (
                select
                    (e.element ->> 'job_id')::uuid as job_id, (e.element ->> 'lease_id')::uuid as lease_id, e.element -> 'result' as result,
                    e.ordinality as place
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
        -- a job that is named twice is for its elements to find out, in their order; so is one that another element wants to wait for
        if v_jobs > 0 and exists (
            select from jsonb_array_elements(done) as d (element)
            having count(distinct (d.element ->> 'job_id')::uuid) < count(*) or bool_or(d.element ->> 'verb' = 'reschedule')
        ) then
            v_jobs := null;
        end if;
    end if;
    if not v_plain or _snapshot_is_fixed() then
        -- All the locks first, in the order of ids: two batches that share leases must not wait crosswise. No job of another lease, which would be
        -- locked out of order: it is seen here before it was leased again, and by its element after that.
        select array_agg((d.element ->> 'job_id')::uuid), array_agg((d.element ->> 'lease_id')::uuid)
        into v_named, v_named_by
        from jsonb_array_elements(done) as d (element);
        perform from leased as j
        where j.job_id = any (v_named)
            -- "is true" keeps it from becoming a join, whose plan, made while the table is small, would read all of it for ever
            and ((j.job_id, j.lease_id) in (select n.job_id, n.lease_id from unnest(v_named, v_named_by) as n (job_id, lease_id))) is true
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
    -- all is well nearly always: one block for the batch, and one an element only where something was refused
    begin
        return _settle_each(done, v_ended, false);
    exception
        when others then
            if sqlstate !~ '^(LH|22)' and sqlstate <> '40001' then
                raise;
            end if;
    end;
    return _settle_each(done, v_ended, true);
end
$_settle_batch$;

comment on function _settle_batch(jsonb, boolean) is
    'What settle and turn do with a batch that is not one plain complete (_complete_plain): an answer for each element, in order. The completes of '
    'current leases are one statement; whatever else goes element by element, after them. Locks the jobs'' rows in the order of their ids, before '
    'anything else.';
