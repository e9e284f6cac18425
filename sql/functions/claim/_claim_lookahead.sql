create or replace function _claim_lookahead(capabilities text[], limit_jobs integer, now timestamptz)
returns uuid[]
language plpgsql
volatile
as $_claim_lookahead$
declare
    v_scope         constant text := _scope_name(capabilities);
    v_ids           uuid[];
    v_special       boolean;
    v_last          integer;
    v_places        integer;
    v_lookahead_id  bigint;
begin
    select array_agg(f.job_id), bool_or(f.special), max(f.nth), max(f.places), max(f.lookahead_id)
    into v_ids, v_special, v_last, v_places, v_lookahead_id
    from (
        select j.job_id, j.special, p.nth, cardinality(a.places) as places, a.lookahead_id
        from (select a.* from lookahead as a where a.scope = v_scope order by a.lookahead_id desc limit 1) as a
        cross join lateral unnest(a.places, a.numbers) with ordinality as p (place, number, nth)
        cross join lateral (
            select r.job_id, r.expires_at is not null as special
            from ready as r
            where r.ctid = p.place and r.number = p.number
            for no key update skip locked
        ) as j
        where _lookahead_fresh(a.noted_at, a.surveyed_at, _claim_lookahead.now)
            and a.newer = array(select l.number from lane as l where l.number > a.sure_number order by l.number)
            and (
                -- This order is that of job_ready_head_idx. With another one the planner might walk another index.
                (
                    select h.number from only job as h where _is_ready_head(h.state, h.parked, h.singleton_key)
                    order by h.next_need, h.priority, h.number
                    limit 1
                ) is null
                or not _has_ready_heads(capabilities)
            )
        limit (select limit_jobs)
    ) as f;
    -- Once more than half is used up, one session records the next jobs for the claims to come. The others use the rest
    -- meanwhile.
    if v_last > v_places / 2 and pg_try_advisory_xact_lock(_advisory_lock_key('lane_cache', v_scope)) then
        if v_lookahead_id = (
            select a.lookahead_id from lookahead as a where a.scope = v_scope order by a.lookahead_id desc limit 1
        ) then
            perform _rebuild_lane_cache(v_scope, capabilities, v_places, now);
        end if;
    end if;
    if cardinality(v_ids) = limit_jobs and not v_special then
        return v_ids;
    end if;
    return null;
end
$_claim_lookahead$;

comment on function _claim_lookahead(text[], integer, timestamptz) is
    'Locks the first jobs of capabilities that are more than one need, as the lookahead has them, and returns their '
    'ids in order. Skips locked rows. Returns null, which leaves the claim to _plan_claim and _select_claimable, if '
    'there are too few of them, if one may not start any more, if the lookahead is not fresh, or if a new lane or a '
    'head of a singleton key might come before them.';
