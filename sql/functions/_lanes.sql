create or replace function _lanes(needs text[])
returns table (next_need text, priority smallint, number bigint, noted_at timestamptz)
language plpgsql
volatile
as $_lanes$
begin
    return query
    select l.next_need, l.priority, m.number, m.noted_at
    from (select distinct o.next_need, o.priority from lane as o where o.next_need = any (needs)) as l
    cross join lateral (
        select k.number, k.noted_at
        from mark as k
        where k.next_need = l.next_need and k.priority = l.priority
        order by k.mark_id desc
        limit 1
    ) as m;
end
$_lanes$;

comment on function _lanes(text[]) is 'The lanes of these needs, each with its newest mark.';
