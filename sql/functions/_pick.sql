create or replace function _pick(needs text[], limit_jobs integer, but uuid[], now timestamptz, out ids uuid[], out special boolean)
language plpgsql
volatile
as $_pick$
declare
    v_needs     text[];
    v_priority  smallint[];
    v_marks     bigint[];
    v_noted_at  timestamptz;
begin
    -- the lanes in the order of walking, each with where its first job may be
    select
        array_agg(l.next_need order by l.priority, l.next_need),
        array_agg(l.priority order by l.priority, l.next_need),
        array_agg(l.number order by l.priority, l.next_need),
        min(l.noted_at)
    into v_needs, v_priority, v_marks, v_noted_at
    from _lanes(needs) as l;
    if not v_noted_at between now - interval '20 ms' and now then
        perform _move_marks(needs, now);
    end if;

    if cardinality(needs) = 1 and not exists (
        select from job as j where j.next_need = needs[1] and j.state = 'ready' and not j.parked and j.singleton_key is not null
    ) then
        -- lane after lane, locking a row at a time; the limit inside is for the planner, which would take an unknown one for a tenth of the table
        select array_agg(p.job_id), bool_or(p.special) into ids, special
        from (
            select f.job_id, f.special
            from unnest(v_priority, v_marks) as l (priority, number)
            cross join lateral (
                select j.job_id, j.expires_at is not null as special
                from job as j
                where j.next_need = needs[1] and j.priority = l.priority and j.number >= l.number
                    and j.state = 'ready' and j.singleton_key is null and j.job_id <> all (but)
                order by j.number
                limit 1000
                for no key update skip locked
            ) as f
            limit (select limit_jobs)
        ) as p;
    else
        select m.ids, m.special into ids, special from _pick_merged(v_needs, v_priority, v_marks, limit_jobs, but) as m;
    end if;
end
$_pick$;

comment on function _pick(text[], integer, uuid[], timestamptz) is
    'Locks the first jobs of these needs, lowest priority first, then longest ready, skipping what is locked, and never one of but. special: one of '
    'them has a key or a last moment to start, and must be looked at.';
