create or replace function _unclaimed_since(need text)
returns timestamptz
language plpgsql
stable
as $_unclaimed_since$
declare
    v_opened_at constant timestamptz := (select min(l.opened_at) from lane as l where l.next_need = need);
    v_asked     boolean;
begin
    -- A claim of the need itself has advanced its watermarks. A worker that waits for a notification will claim.
    if exists (select from watermark as k where k.next_need = need and k.noted_at > '-infinity')
        or exists (
            select from listener as l
            where l.stem = any (_stems(need))
                and (
                    l.prefixes is null
                    or exists (select from unnest(l.prefixes) as p (prefix) where _capability_matches(p.prefix, need))
                )
        )
    then
        return null;
    end if;
    -- A claim of more than one need has left a lane cache. The query goes from scope to scope: each has up to a hundred
    -- rows.
    with recursive scoped (scope) as (
        (select f.scope from lane_cache as f order by f.scope limit 1)
        union all
        select n.scope
        from scoped as s
        cross join lateral (
            select f.scope from lane_cache as f where f.scope > s.scope order by f.scope limit 1
        ) as n
    )
    select bool_or(
        case
            -- scopes were forgotten, and one that covers the need may have been among them (_rebuild_lane_cache)
            when s.scope = ''
                then (select max(f.noted_at) from lane_cache as f where f.scope = '')
                    > v_opened_at - interval '1 minute'
            -- a hash of many capabilities: it cannot be known which
            when starts_with(s.scope, e'\n\n') then true
            else exists (
                select from unnest(string_to_array(substr(s.scope, 2), e'\n')) as c (capability)
                where _capability_matches(c.capability, need)
            )
        end
    )
    into v_asked
    from scoped as s;
    return case when v_asked is not true then v_opened_at end;
end
$_unclaimed_since$;

comment on function _unclaimed_since(text) is
    'When the first job of a need was submitted, if no worker is known to have claimed the need since that job was '
    'visible. Null if one has, or if it cannot be known. Judges by what claims leave behind, rolled back ones aside.';
