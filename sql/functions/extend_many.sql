create or replace function extend_many(leases jsonb, lease interval default '60 s')
returns setof extended
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $extend_many$
declare
    v_now       timestamptz;
    v_one       record;
    v_extended  extended;
    v_answers   extended[];
begin
    perform _check_lease(lease);
    perform _check_elements('leases', leases);
    v_now := _now();
    -- one statement for all that is current; a row that a transaction holds is passed by: it holds the lease, too
    with hand as materialized (
        select (l.element ->> 'job_id')::uuid as job_id, (l.element ->> 'lease_id')::uuid as lease_id, l.ordinality
        from jsonb_array_elements(leases) with ordinality as l (element, ordinality)
    ), held as materialized (
        select j.job_id, j.lease_id, j.cancel_requested
        from job as j
        where j.state = 'leased' and (j.job_id, j.lease_id) in (select h.job_id, h.lease_id from hand as h)
        order by j.job_id
        for no key update skip locked
    ), moved as (
        update job as j
        set lease_expires_at = greatest(j.lease_expires_at, v_now + lease),
            extended_at = case when j.lease_expires_at < v_now + lease then v_now else j.extended_at end,
            check_at = case when j.check_at < v_now then greatest(j.lease_expires_at, v_now + lease) else j.check_at end
        from held as h
        where j.job_id = h.job_id and not h.cancel_requested
        returning j.job_id, j.lease_id, j.lease_expires_at
    )
    select array_agg((
        h.job_id,
        h.lease_id,
        m.job_id is not null,
        m.lease_expires_at,
        case when b.job_id is not null and m.job_id is null then '55P03' end,
        case when b.job_id is not null and m.job_id is null then 'the job is held by a transaction' end,
        null::text,
        case when b.job_id is not null and m.job_id is null then 'This is no loss of the lease; try again later.' end
    )::extended order by h.ordinality)
    into v_answers
    from hand as h
    left join moved as m on m.job_id = h.job_id and m.lease_id = h.lease_id
    left join job as b on b.job_id = h.job_id and b.lease_id = h.lease_id and b.state = 'leased' and not b.cancel_requested
    where m.job_id is not null or b.job_id is not null;
    return query select a.* from unnest(v_answers) as a;

    -- the others, one by one: why not
    for v_one in
        select (l.element ->> 'job_id')::uuid as job_id, (l.element ->> 'lease_id')::uuid as lease_id
        from jsonb_array_elements(leases) with ordinality as l (element, ordinality)
        where not exists (
            select from unnest(v_answers) as a
            where a.job_id = (l.element ->> 'job_id')::uuid and a.lease_id = (l.element ->> 'lease_id')::uuid
        )
        order by l.ordinality
    loop
        v_extended := (v_one.job_id, v_one.lease_id, false, null, null, null, null, null)::extended;
        begin
            if exists (select from job as j where j.job_id = v_one.job_id and j.lease_id = v_one.lease_id and j.state = 'leased') then
                perform _asked_to_stop(v_one.job_id, v_one.lease_id);
            end if;
            perform _refuse(v_one.job_id, v_one.lease_id, 'extend');
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
