create or replace function _extend_current(
    job_ids uuid[], lease_ids uuid[], lease interval, out held uuid[], out held_by uuid[], out ends timestamptz[]
)
language plpgsql
volatile
as $_extend_current$
declare
    v_now   constant timestamptz := _now();
    v_end   constant timestamptz := v_now + _duration(lease);
begin
    -- One statement extends all current leases. It skips a row that another transaction has locked.
    with held as materialized (
        select j.job_id, j.lease_id, j.fence, j.leased_at, j.lease_expires_at, j.check_at
        from leased as j
        where j.job_id = any (job_ids) and not j.cancel_requested
            -- "is true" keeps this from becoming a join. A plan for a join that is made while the table is small would
            -- read the whole table from then on.
            and ((j.job_id, j.lease_id) in (
                select n.job_id, n.lease_id from unnest(job_ids, lease_ids) as n (job_id, lease_id)
            )) is true
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
        select
            o.fence, o.job_id, case when o.lease_expires_at < v_end then v_now else o.leased_at end,
            greatest(o.lease_expires_at, v_end)
        from held as o
        where o.fence not in (select m.fence from moved as m)
        -- Another call may have inserted the row after this statement took its snapshot and before it locked the job.
        on conflict on constraint heartbeat_pkey do update
            set extended_at = case when h.lease_expires_at < v_end then v_now else h.extended_at end,
                lease_expires_at = greatest(h.lease_expires_at, v_end)
        returning h.fence, h.job_id, h.lease_expires_at
    ), filed as (
        -- As in extend: the wide row is written only once check_at has passed.
        update leased as j
        set check_at = v_end
        where j.job_id = any (array(select o.job_id from held as o where o.check_at < v_now))
    )
    select
        (select array_agg(o.job_id order by o.job_id) from held as o),
        (select array_agg(o.lease_id order by o.job_id) from held as o),
        array_agg(b.lease_expires_at order by b.job_id)
    into held, held_by, ends
    from (
        select m.job_id, m.lease_expires_at from moved as m
        union all
        select m.job_id, m.lease_expires_at from made as m
    ) as b;
end
$_extend_current$;

comment on function _extend_current(uuid[], uuid[], interval) is
    'Extends those of these leases that are current, whose cancellation was not requested, and whose jobs no other '
    'transaction has locked. Returns them in the order of the job ids: held (job ids), held_by (lease ids) and ends '
    '(the new ends). Locks the jobs'' rows in the order of their ids.';
