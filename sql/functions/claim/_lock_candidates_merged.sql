create or replace function _lock_candidates_merged(survey _claim_plan, limit_jobs integer, but uuid[], now timestamptz)
returns _candidates
language plpgsql
volatile
as $_lock_candidates_merged$
declare
    v_needs         text[] := survey.next_need;
    v_priority      smallint[] := survey.priority;
    v_watermarks    bigint[] := survey.watermark;
    v_rest          lane_cache_rest;
    v_first         constant integer := limit_jobs + 12;
    v_wide          integer := v_first;
    v_deep          integer := 5;
    v_certain       integer;
    v_found         integer;
    v_cut           boolean;
    v_picked        _candidates;
begin
    loop
        -- The first few of the first few lanes, unlocked; how far nothing can be missing among them; then the locks, in order, as many as are wanted.
        with beyond as materialized (
            -- a lane that is not looked at has nothing before its mark
            select n.priority, n.number
            from (values (v_priority[v_wide + 1], v_watermarks[v_wide + 1]), (survey.rest_priority, survey.rest_number)) as n (priority, number)
            where n.number is not null
            order by n.priority, n.number
            limit 1
        ), head as materialized (
            select h.job_id, l.priority, h.number, h.place = greatest(v_deep / l.place, 2) as cut
            from unnest(v_needs[: v_wide], v_priority[: v_wide], v_watermarks[: v_wide]) with ordinality as l (next_need, priority, number, place)
            cross join lateral (
                select j.job_id, j.number, row_number() over (order by j.number) as place
                from ready as j
                where hashtextextended(j.next_need, j.priority::bigint) = hashtextextended(l.next_need, l.priority::bigint)
                    and j.next_need = l.next_need and j.priority = l.priority and j.number >= l.number
                    and j.number <= coalesce((select b.number from beyond as b where b.priority <= l.priority), 9223372036854775807)
                    and j.job_id <> all (but)
                order by j.number
                limit greatest(v_deep / l.place, 2)
            ) as h
            union all
            select h.job_id, l.priority, h.number, h.place = v_deep
            from unnest(survey.keyed_need, survey.keyed_priority) as l (next_need, priority)
            cross join lateral (
                select j.job_id, j.number, row_number() over (order by j.number) as place
                from only job as j
                where j.next_need = l.next_need and j.priority = l.priority
                    and j.state = 'ready' and not j.parked and j.singleton_key is not null and j.job_id <> all (but)
                order by j.number
                limit v_deep
            ) as h
        ), bound as materialized (
            select b.priority, b.number, b.cut
            from (
                -- a lane that was cut off may go on behind its last
                select h.priority, h.number, true as cut from head as h where h.cut
                union all
                select n.priority, n.number, false from beyond as n
            ) as b
            order by b.priority, b.number
            limit 1
        ), certain as materialized (
            select h.job_id, h.priority, h.number
            from head as h
            where not exists (select from bound as b where (h.priority, h.number) > (b.priority, b.number))
            order by h.priority, h.number
        ), taken as (
            select j.job_id, j.special
            from certain as c
            cross join lateral (
                select r.job_id, r.singleton_key is not null or r.expires_at is not null as special
                from job as r
                where r.job_id = c.job_id and r.state = 'ready' and not r.parked
                for no key update skip locked
            ) as j
            limit (select limit_jobs)
        )
        select array_agg(t.job_id), bool_or(t.special), count(*), (select count(*) from certain as c), (select b.cut from bound as b)
        into v_picked.ids, v_picked.special, v_found, v_certain, v_cut
        from taken as t;
        exit when v_found = limit_jobs or v_cut is null;
        -- others hold some of the first, or they are too few: look further
        if v_cut then
            v_deep := v_deep * 8;
        elsif v_wide < cardinality(v_needs) then
            v_wide := v_wide * 3;
        else
            select r.* into v_rest from lane_cache_rest as r where r.scope = survey.scope and r.rest_id = survey.rest_id;
            -- gone: the front was made up anew meanwhile
            exit when v_rest.rest_id is null;
            survey.rest_number := null;
            -- some of them may have been opened anew since, and are in the front
            select v_needs || array_agg(r.next_need), v_priority || array_agg(r.priority), v_watermarks || array_agg(r.number)
            into v_needs, v_priority, v_watermarks
            from unnest(v_rest.needs, v_rest.priorities, v_rest.numbers) as r (next_need, priority, number)
            where (r.next_need, r.priority) not in (
                select o.next_need, o.priority from unnest(survey.next_need, survey.priority) as o (next_need, priority)
            );
            v_wide := cardinality(v_needs);
        end if;
    end loop;
    if v_found > 0 and survey.scope is not null and (v_wide > v_first or not v_cut and v_certain < v_found + 3) then
        -- so that the next claim has it easier
        perform _rebuild_lane_cache(survey.scope, survey.capabilities, v_wide, now);
    end if;
    return v_picked;
end
$_lock_candidates_merged$;

comment on function _lock_candidates_merged(_claim_plan, integer, uuid[], timestamptz) is
    '_lock_candidates over several needs, or where there are heads of singleton keys, which are not in the order of the marks. Looks no further than it takes to be sure '
    'that nothing comes before what it locks.';
