create or replace function _park_followers(
    requests _request[], ids uuid[], firsts uuid[], blocked boolean[], now timestamptz
)
returns boolean[]
language plpgsql
volatile
as $_park_followers$
declare
    v_parked    boolean[];
    v_keys      text[];
begin
    with keyed as (
        select
            r.singleton_key, r.next_need, r.priority, r.ordinality,
            min(r.priority) over (
                partition by r.singleton_key, r.next_need
                order by r.ordinality
                rows between unbounded preceding and 1 preceding
            ) as before
        from unnest(requests) with ordinality as r
        where r.singleton_key is not null and firsts[r.ordinality] is null and not blocked[r.ordinality]
            and (r.available_at > now) is not true
    ), parked as (
        select k.singleton_key, k.ordinality
        from keyed as k
        -- Behind another of these jobs, or behind an existing job.
        where k.before <= k.priority
            or _key_is_busy(ids[k.ordinality], k.singleton_key, k.next_need, k.priority::smallint)
    )
    select
        array_agg(p.ordinality is not null order by n.at),
        array_agg(distinct p.singleton_key) filter (where p.ordinality is not null)
    into v_parked, v_keys
    from generate_series(1, cardinality(requests)) as n (at)
    left join parked as p on p.ordinality = n.at
    having count(p.ordinality) > 0;

    if v_keys is not null then
        perform _defer_unpark(v_keys);
    end if;
    return v_parked;
end
$_park_followers$;

comment on function _park_followers(_request[], uuid[], uuid[], boolean[], timestamptz) is
    'For each of these new jobs, whether it is to be parked because it would go behind another job of its singleton '
    'key. Null if none is. Writes the deferred items that unpark the jobs that should not have been parked.';
