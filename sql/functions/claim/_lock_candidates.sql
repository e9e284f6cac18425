create or replace function _lock_candidates(survey _claim_plan, limit_jobs integer, but uuid[], now timestamptz)
returns _candidates
language plpgsql
volatile
as $_lock_candidates$
declare
    v_need          constant text := survey.next_need[1];
    v_priority      constant smallint[] := survey.priority;
    v_watermarks    constant bigint[] := survey.watermark;
    v_picked        _candidates;
begin
    if coalesce(survey.priority, survey.keyed_priority) is null then
        return v_picked;
    elsif survey.scope is not null or survey.keyed_need is not null then
        return _lock_candidates_merged(survey, limit_jobs, but, now);
    end if;
    -- lane after lane, locking a row at a time; the limit inside is for the planner, which would take an unknown one for a tenth of the table
    select array_agg(p.job_id), bool_or(p.special) into v_picked.ids, v_picked.special
    from (
        select f.job_id, f.special
        from unnest(v_priority, v_watermarks) as l (priority, number)
        cross join lateral (
            select j.job_id, j.expires_at is not null as special
            from ready as j
            where hashtextextended(j.next_need, j.priority::bigint) = hashtextextended(v_need, l.priority::bigint)
                and j.next_need = v_need and j.priority = l.priority and j.number >= l.number
                and j.job_id <> all (but)
            order by j.number
            limit 1000
            for no key update skip locked
        ) as f
        limit (select limit_jobs)
    ) as p;
    return v_picked;
end
$_lock_candidates$;

comment on function _lock_candidates(_claim_plan, integer, uuid[], timestamptz) is
    'Locks the first jobs of these needs, lowest priority first, then longest ready, skipping what is locked, and never one of but. special: one of '
    'them has a key or a last moment to start, and must be looked at.';
