create or replace function _has_ready_heads(capabilities text[])
returns boolean
language plpgsql
volatile
as $_has_ready_heads$
begin
    return cardinality(capabilities) > 20 or exists (
        select from unnest(capabilities) as c (capability)
        cross join lateral (
            -- Needs that a prefix covers are adjacent in the index. If the first need from there on is not covered,
            -- none is.
            select j.next_need
            from only job as j
            where _is_ready_head(j.state, j.parked, j.singleton_key)
                and j.next_need
                    >= case
                        when right(c.capability, 1) = '%' then left(c.capability, -1)
                        else c.capability
                    end collate "C"
            order by j.next_need, j.priority, j.number
            limit 1
        ) as h
        where _capability_matches(c.capability, h.next_need)
    );
end
$_has_ready_heads$;

comment on function _has_ready_heads(text[]) is
    'Whether a head of a singleton key that these capabilities cover may be ready: one index lookup for each '
    'capability. Always true for more than twenty capabilities.';
