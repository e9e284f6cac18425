create or replace function _pick_merged(survey _survey, limit_jobs integer, but uuid[])
returns _picked
language plpgsql
volatile
as $_pick_merged$
declare
    v_needs     constant text[] := survey.next_need;
    v_priority  constant smallint[] := survey.priority;
    v_marks     constant bigint[] := survey.mark;
    v_deep      integer := limit_jobs + 4;
    v_picked    _picked;
begin
    loop
        -- the first few of each lane, unlocked; then the locks, in the order of all of them, as many as are wanted
        with head as materialized (
            select h.job_id, l.priority, h.number, count(*) over (partition by l.ordinality, h.keyed) = v_deep as more
            from unnest(v_needs, v_priority, v_marks) with ordinality as l (next_need, priority, number, ordinality)
            cross join lateral (
                (
                    select j.job_id, j.number, false as keyed
                    from job as j
                    where j.next_need = l.next_need and j.priority = l.priority and j.number >= l.number
                        and j.state = 'ready' and j.singleton_key is null and j.job_id <> all (but)
                    order by j.number
                    limit v_deep
                )
                union all
                (
                    select j.job_id, j.number, true
                    from job as j
                    where j.next_need = l.next_need and j.priority = l.priority
                        and j.state = 'ready' and not j.parked and j.singleton_key is not null and j.job_id <> all (but)
                    order by j.number
                    limit v_deep
                )
            ) as h
        ), taken as materialized (
            select j.job_id, j.priority, j.number, j.singleton_key is not null or j.expires_at is not null as special
            from head as h
            join job as j on j.job_id = h.job_id
            where j.state = 'ready' and not j.parked
            order by h.priority, h.number
            limit limit_jobs
            for no key update of j skip locked
        )
        select
            array_agg(t.job_id order by t.priority, t.number),
            bool_or(t.special),
            case when count(*) < limit_jobs and (select bool_or(h.more) from head as h) then v_deep * 4 end
        into v_picked.ids, v_picked.special, v_deep
        from taken as t;
        -- others hold all of the first: look further
        exit when v_deep is null;
    end loop;
    return v_picked;
end
$_pick_merged$;

comment on function _pick_merged(_survey, integer, uuid[]) is
    '_pick over several needs, or where there are heads of singleton keys, which are not in the order of the marks.';
