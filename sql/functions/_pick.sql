create or replace function _pick(needs text[], limit_jobs integer, but uuid[], out ids uuid[], out special boolean)
language plpgsql
volatile
as $_pick$
declare
    v_deep  integer := limit_jobs + 4;
begin
    if cardinality(needs) = 1 then
        -- The plan is made once and kept: with the parameters in subselects a plan for their values looks no cheaper. The limit inside is for
        -- the planner, which would take an unknown one for a tenth of the table; the one outside stops the locking, a row at a time.
        select array_agg(p.job_id), bool_or(p.special) into ids, special
        from (
            select f.job_id, f.special
            from (
                select j.job_id, j.singleton_key is not null or j.expires_at is not null as special
                from job as j
                where j.next_need = (select needs[1]) and j.state = 'ready' and not j.parked and j.job_id <> all (but)
                order by j.priority, j.number
                limit 1000
                for no key update skip locked
            ) as f
            limit (select limit_jobs)
        ) as p;
        return;
    end if;
    loop
        -- the first few of each need, unlocked; then the locks, in the order of all of them, as many as are wanted
        with head as materialized (
            select h.job_id, h.priority, h.number, count(*) over (partition by n.need) = v_deep as more
            from unnest(needs) as n (need)
            cross join lateral (
                select j.job_id, j.priority, j.number
                from job as j
                where j.next_need = n.need and j.state = 'ready' and not j.parked and j.job_id <> all (but)
                order by j.priority, j.number
                limit v_deep
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
        into ids, special, v_deep
        from taken as t;
        -- others hold all of the first: look further
        exit when v_deep is null;
    end loop;
end
$_pick$;

comment on function _pick(text[], integer, uuid[]) is
    'Locks the first jobs of these needs, lowest priority first, then longest ready, skipping what is locked. special: one of them has a key or '
    'a last moment to start, and must be looked at.';
