create or replace function _lock_first_of_lanes(
    plan _claim_plan, wide integer, deep integer, limit_jobs integer, excluded uuid[],
    out ids uuid[], out special boolean, out locked integer, out certain integer, out cut boolean
)
language plpgsql
volatile
as $_lock_first_of_lanes$
declare
    v_needs         constant text[] := plan.next_need[: wide];
    v_priority      constant smallint[] := plan.priority[: wide];
    v_watermarks    constant bigint[] := plan.watermark[: wide];
begin
    -- The first few jobs of the first few lanes are read without locks. Up to a bound no job can be missing among them,
    -- and those are locked in order, as many as are wanted.
    with beyond as materialized (
        -- a lane that is not looked at has nothing before its watermark
        select n.priority, n.number
        from (
            values (plan.priority[wide + 1], plan.watermark[wide + 1]), (plan.rest_priority, plan.rest_number)
        ) as n (priority, number)
        where n.number is not null
        order by n.priority, n.number
        limit 1
    ), head as materialized (
        select h.job_id, l.priority, h.number, h.place = greatest(deep / l.place, 2) as cut
        from unnest(v_needs, v_priority, v_watermarks) with ordinality as l (next_need, priority, number, place)
        cross join lateral (
            select j.job_id, j.number, row_number() over (order by j.number) as place
            from ready as j
            where _in_lane(j.next_need, j.priority, l.next_need, l.priority) and j.number >= l.number
                and j.number <= coalesce(
                    (select b.number from beyond as b where b.priority <= l.priority), 9223372036854775807
                )
                and j.job_id <> all (excluded)
            order by j.number
            limit greatest(deep / l.place, 2)
        ) as h
        union all
        select h.job_id, l.priority, h.number, h.place = deep
        from unnest(plan.keyed_need, plan.keyed_priority) as l (next_need, priority)
        cross join lateral (
            select j.job_id, j.number, row_number() over (order by j.number) as place
            from only job as j
            where j.next_need = l.next_need and j.priority = l.priority
                and _is_ready_head(j.state, j.parked, j.singleton_key) and j.job_id <> all (excluded)
            order by j.number
            limit deep
        ) as h
    ), bound as materialized (
        select b.priority, b.number, b.cut
        from (
            -- a lane that was cut off may go on after its last job
            select h.priority, h.number, true as cut from head as h where h.cut
            union all
            select n.priority, n.number, false from beyond as n
        ) as b
        order by b.priority, b.number
        limit 1
    ), sure as materialized (
        select h.job_id, h.priority, h.number
        from head as h
        where not exists (select from bound as b where (h.priority, h.number) > (b.priority, b.number))
        order by h.priority, h.number
    ), taken as (
        select j.job_id, j.special
        from sure as s
        cross join lateral (
            select r.job_id, r.singleton_key is not null or r.expires_at is not null as special
            from job as r
            where r.job_id = s.job_id and r.state = 'ready' and not r.parked
            for no key update skip locked
        ) as j
        limit (select limit_jobs)
    )
    select
        array_agg(t.job_id), bool_or(t.special), count(*), (select count(*) from sure as s),
        (select b.cut from bound as b)
    into ids, special, locked, certain, cut
    from taken as t;
end
$_lock_first_of_lanes$;

comment on function _lock_first_of_lanes(_claim_plan, integer, integer, integer, uuid[]) is
    'Locks up to limit_jobs jobs among the first of the first wide lanes of the plan, and of its heads of singleton '
    'keys, in the order of priority and number. Skips locked rows, and never takes one of excluded. deep: how many '
    'jobs of the first lane are read; of the nth lane it is the nth part, but two at least. locked: how many were '
    'locked. certain: how many were certain to be the first. cut: what limits that: true, a lane was not read to its '
    'end; false, a lane was not looked at; null, nothing.';
