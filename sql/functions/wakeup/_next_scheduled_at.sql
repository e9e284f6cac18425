create or replace function _next_scheduled_at(capabilities text[], now timestamptz, skip integer default 0)
returns timestamptz
language plpgsql
volatile
as $_next_scheduled_at$
declare
    -- number of scheduled jobs to read, of any need: fewer if each is compared with many capabilities
    v_first constant integer := greatest(20, least(200, 20000 / cardinality(capabilities))) + skip;
begin
    return (
        select s.available_at
        from (
            -- in the order of the index, and only up to the first job that counts
            select
                f.available_at, f.covered, count(*) over so_far as nth,
                count(*) filter (where f.covered) over so_far as covered_so_far
            from (
                select
                    j.available_at,
                    exists (
                        select from unnest(capabilities) as c (capability)
                        where _capability_matches(c.capability, j.next_need)
                    ) as covered
                from only job as j
                where j.state = 'scheduled' and j.available_at > _next_scheduled_at.now
                order by j.available_at
                limit v_first
            ) as f
            window so_far as (rows unbounded preceding)
        ) as s
        -- if none of the jobs read is covered, the last of them: its time is no later than that of any that is
        where s.covered and s.covered_so_far > skip or s.nth = v_first
        limit 1
    );
end
$_next_scheduled_at$;

comment on function _next_scheduled_at(text[], timestamptz, integer) is
    'When the next scheduled job that these capabilities cover is due, skip of them left out; or an earlier time, if '
    'more than two hundred jobs of other needs come before it. Null: there is none.';
