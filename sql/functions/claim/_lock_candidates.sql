create or replace function _lock_candidates(plan _claim_plan, limit_jobs integer, excluded uuid[], now timestamptz)
returns _candidates
language plpgsql
volatile
as $_lock_candidates$
declare
    v_need          constant text := plan.next_need[1];
    v_priority      constant smallint[] := plan.priority;
    v_watermarks    constant bigint[] := plan.watermark;
    v_locked        _candidates;
begin
    if coalesce(plan.priority, plan.keyed_priority) is null then
        return v_locked;
    elsif plan.scope is not null or plan.keyed_need is not null then
        return _lock_candidates_merged(plan, limit_jobs, excluded, now);
    end if;
    -- One lane after the other, one row lock at a time. The inner limit is for the planner, which would take an unknown
    -- limit for a tenth of the table.
    select array_agg(p.job_id), bool_or(p.special) into v_locked.ids, v_locked.special
    from (
        select f.job_id, f.special
        from unnest(v_priority, v_watermarks) as l (priority, number)
        cross join lateral (
            select j.job_id, j.expires_at is not null as special
            from ready as j
            where _in_lane(j.next_need, j.priority, v_need, l.priority) and j.number >= l.number
                and j.job_id <> all (excluded)
            order by j.number
            limit 1000
            for no key update skip locked
        ) as f
        limit (select limit_jobs)
    ) as p;
    return v_locked;
end
$_lock_candidates$;

comment on function _lock_candidates(_claim_plan, integer, uuid[], timestamptz) is
    'Locks the first jobs of the plan, lowest priority first, then longest ready, and returns them in order. Skips '
    'locked rows, and never takes one of excluded. special: at least one has a singleton key or expires_at and needs '
    'a further check.';
