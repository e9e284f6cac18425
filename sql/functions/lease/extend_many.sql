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
    v_held      uuid[];
    v_held_by   uuid[];
    v_ends      timestamptz[];
    v_count     bigint;
    v_one       record;
begin
    lease := coalesce(lease, interval '60 s');
    perform _check_lease(lease);
    if (jsonb_typeof(leases) = 'array' and jsonb_array_length(leases) <= 1000) is not true then
        perform _check_elements('leases', leases);
    end if;
    begin
        select
            array_agg((e.element ->> 'job_id')::uuid), array_agg((e.element ->> 'lease_id')::uuid),
            bool_and(_is_lease_reference(e.element))
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

    select x.held, x.held_by, x.ends into v_held, v_held_by, v_ends
    from _extend_current(v_job_ids, v_lease_ids, lease) as x;
    return query
    select l.job_id, l.lease_id, true, v_ends[l.at], null::text, null::text, null::text, null::text
    from (
        select n.job_id, n.lease_id, width_bucket(n.job_id, v_held) as at
        from unnest(v_job_ids, v_lease_ids) as n (job_id, lease_id)
    ) as l
    where v_held[l.at] = l.job_id and v_held_by[l.at] = l.lease_id;
    get diagnostics v_count = row_count;
    if v_count = cardinality(v_job_ids) then
        return;
    end if;

    for v_one in
        select l.job_id, l.lease_id
        from (
            select n.job_id, n.lease_id, n.ordinality, width_bucket(n.job_id, v_held) as at
            from unnest(v_job_ids, v_lease_ids) with ordinality as n (job_id, lease_id, ordinality)
        ) as l
        where (v_held[l.at] = l.job_id and v_held_by[l.at] = l.lease_id) is not true
        order by l.ordinality
    loop
        return next _answer_not_extended(v_one.job_id, v_one.lease_id);
    end loop;
end
$extend_many$;

comment on function extend_many(jsonb, interval) is
    'extend for many leases: leases is an array of {"job_id", "lease_id"}. Each lease is answered in a row of its '
    'own, either ok or with the code of the reason why not, and does not affect the others. The code 55P03 in a row '
    'means that a transaction has locked the job; the lease is not lost. Locks the jobs'' rows in the order of their '
    'ids, skips locked rows, and waits for no other session. Raises LH010.';
