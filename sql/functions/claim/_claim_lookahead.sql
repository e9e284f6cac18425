create or replace function _claim_lookahead(capabilities text[], limit_jobs integer, now timestamptz)
returns uuid[]
language plpgsql
volatile
as $_claim_lookahead$
declare
    v_scope     constant text := _scope_name(capabilities);
    v_ids       uuid[];
    v_special   boolean;
    v_last      integer;
    v_places    integer;
    v_noted     bigint;
begin
    select array_agg(f.job_id), bool_or(f.special), max(f.nth), max(f.places), max(f.lookahead_id)
    into v_ids, v_special, v_last, v_places, v_noted
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
                -- in the order of the index of heads: another one could be walked for it
                (
                    select h.number from only job as h where h.state = 'ready' and not h.parked and h.singleton_key is not null
                    order by h.next_need, h.priority, h.number
                    limit 1
                ) is null
                or not _has_ready_heads(capabilities)
            )
        limit (select limit_jobs)
    ) as f;
    -- so that the next claims have it easier; one is enough, the others go on with the rest meanwhile
    if v_last > v_places / 2 and pg_try_advisory_xact_lock(_advisory_lock_key('lane_cache', v_scope)) then
        if v_noted = (select a.lookahead_id from lookahead as a where a.scope = v_scope order by a.lookahead_id desc limit 1) then
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
    'Locks the first jobs of capabilities that are more than one need, by what was noted of them a moment ago, skipping what is locked, and returns them '
    'in order. Null, which leaves it to _claim_plan and _select_claimable, where these are too few, where one may not start any more, or where a new lane or a head of '
    'a singleton key could come before them.';
