create or replace function _next_due(capabilities text[], now timestamptz, skip integer default 0)
returns timestamptz
language plpgsql
volatile
as $_next_due$
declare
    -- so many schedules are looked at, of any need; fewer where each is compared with many capabilities
    v_first constant integer := greatest(20, least(1000, 20000 / cardinality(capabilities))) + skip;
    v_due   timestamptz;
begin
    select s.available_at into v_due
    from (
        select j.next_need, j.available_at
        from only job as j
        where j.state = 'scheduled' and j.available_at > _next_due.now
        order by j.available_at
        limit v_first
    ) as s
    where exists (select from unnest(capabilities) as c (capability) where _matches(c.capability, s.next_need))
    offset skip
    limit 1;
    if not found then
        -- none of the first: earlier than the one there may be
        v_due := (
            select j.available_at
            from only job as j
            where j.state = 'scheduled' and j.available_at > _next_due.now
            order by j.available_at
            offset v_first - 1
            limit 1
        );
    end if;
    return v_due;
end
$_next_due$;

comment on function _next_due(text[], timestamptz, integer) is
    'When the next scheduled job that these capabilities cover is due, after so many to skip; or an earlier time, where '
    'more than a thousand of other needs come before. Null: there is none.';
