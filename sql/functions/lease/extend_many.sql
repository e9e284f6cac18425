create or replace function extend_many(leases jsonb, lease interval default '60 s')
returns setof extended
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
set enable_bitmapscan to off
as $extend_many$
declare
    v_job_ids   uuid[];
    v_lease_ids uuid[];
    v_plain     boolean;
    v_now       timestamptz;
    v_end       timestamptz;
    v_held      uuid[];
    v_by        uuid[];
    v_ends      timestamptz[];
    v_count     bigint;
    v_one       record;
    v_stopped   boolean;
    v_extended  extended;
begin
    lease := coalesce(lease, interval '60 s');
    perform _check_lease(lease);
    if (jsonb_typeof(leases) = 'array' and jsonb_array_length(leases) <= 1000) is not true then
        perform _check_elements('leases', leases);
    end if;
    begin
        select array_agg((e.element ->> 'job_id')::uuid), array_agg((e.element ->> 'lease_id')::uuid), bool_and(_is_lease_reference(e.element))
        into v_job_ids, v_lease_ids, v_plain
        from jsonb_array_elements(leases) as e (element);
    exception
        when invalid_text_representation then
            perform _check_elements('leases', leases);
            raise;
    end;
    if v_plain is null then
        return;
    elsif not v_plain then
        perform _check_elements('leases', leases);
    end if;

    -- One statement for all that is current; a row that a transaction holds is passed by: it holds the lease, too
    v_now := _now();
    v_end := v_now + _duration(lease);
    with held as materialized (
        select j.job_id, j.lease_id, j.fence, j.leased_at, j.lease_expires_at, j.check_at
        from leased as j
        where j.job_id = any (v_job_ids) and not j.cancel_requested
            -- "is true" keeps it from becoming a join, whose plan, made while the table is small, would read all of it for ever
            and ((j.job_id, j.lease_id) in (select h.job_id, h.lease_id from unnest(v_job_ids, v_lease_ids) as h (job_id, lease_id))) is true
        order by j.job_id
        for no key update skip locked
    ), moved as (
        update heartbeat as h
        set extended_at = case when h.lease_expires_at < v_end then v_now else h.extended_at end,
            lease_expires_at = greatest(h.lease_expires_at, v_end)
        where h.fence = any (array(select o.fence from held as o))
        returning h.fence, h.job_id, h.lease_expires_at
    ), made as (
        insert into heartbeat as h (fence, job_id, extended_at, lease_expires_at)
        select o.fence, o.job_id, case when o.lease_expires_at < v_end then v_now else o.leased_at end, greatest(o.lease_expires_at, v_end)
        from held as o
        where o.fence not in (select m.fence from moved as m)
        -- another call wrote it between this one's look and its lock
        on conflict on constraint heartbeat_pkey do update
            set extended_at = case when h.lease_expires_at < v_end then v_now else h.extended_at end,
                lease_expires_at = greatest(h.lease_expires_at, v_end)
        returning h.fence, h.job_id, h.lease_expires_at
    ), filed as (
        -- the wide row, and an index, only where the time to look has passed: a heartbeat in three or so
        update leased as j set check_at = v_end where j.job_id = any (array(select o.job_id from held as o where o.check_at < v_now))
    )
    select
        (select array_agg(o.job_id order by o.job_id) from held as o),
        (select array_agg(o.lease_id order by o.job_id) from held as o),
        array_agg(b.lease_expires_at order by b.job_id)
    into v_held, v_by, v_ends
    from (select m.job_id, m.lease_expires_at from moved as m union all select m.job_id, m.lease_expires_at from made as m) as b;
    return query
    select l.job_id, l.lease_id, true, v_ends[l.at], null::text, null::text, null::text, null::text
    from (
        select h.job_id, h.lease_id, width_bucket(h.job_id, v_held) as at from unnest(v_job_ids, v_lease_ids) as h (job_id, lease_id)
    ) as l
    where v_held[l.at] = l.job_id and v_by[l.at] = l.lease_id;
    get diagnostics v_count = row_count;
    if v_count = cardinality(v_job_ids) then
        return;
    end if;

    -- the others, one by one: why not
    for v_one in
        select l.job_id, l.lease_id
        from (
            select h.job_id, h.lease_id, h.ordinality, width_bucket(h.job_id, v_held) as at
            from unnest(v_job_ids, v_lease_ids) with ordinality as h (job_id, lease_id, ordinality)
        ) as l
        where (v_held[l.at] = l.job_id and v_by[l.at] = l.lease_id) is not true
        order by l.ordinality
    loop
        v_extended := (v_one.job_id, v_one.lease_id, false, null, null, null, null, null)::extended;
        begin
            select j.cancel_requested into v_stopped
            from leased as j
            where j.job_id = v_one.job_id and j.lease_id = v_one.lease_id;
            if not found then
                perform _replay_or_raise(v_one.job_id, v_one.lease_id, 'extend');
            elsif v_stopped then
                perform _raise_cancel_requested(v_one.job_id, v_one.lease_id);
            end if;
            v_extended.error_code := '55P03';
            v_extended.message := 'the job is held by a transaction';
            v_extended.hint := 'This is no loss of the lease; try again later.';
        exception
            when sqlstate 'LH001' or sqlstate 'LH002' or sqlstate 'LH003' or sqlstate 'LH007' or sqlstate 'LH008' then
                get stacked diagnostics
                    v_extended.error_code = returned_sqlstate,
                    v_extended.message = message_text,
                    v_extended.detail = pg_exception_detail,
                    v_extended.hint = pg_exception_hint;
        end;
        return next v_extended;
    end loop;
end
$extend_many$;

comment on function extend_many(jsonb, interval) is
    'extend for a worker''s whole hand: an array of {"job_id", "lease_id"}; each is answered in a row of its own, ok or the code why not, and spoils '
    'no other. 55P03 in such a row: a transaction holds the job, which is no loss. Locks the jobs'' rows in the order of their ids, by skipping what '
    'is locked; waits for nobody. Raises LH010.';
