create or replace function _has_ready_heads(capabilities text[])
returns boolean
language plpgsql
volatile
as $_has_ready_heads$
begin
    return cardinality(capabilities) > 20 or exists (
        select from unnest(capabilities) as c (capability)
        cross join lateral (
            -- what a prefix covers stands together in the index: where the first from there on is not covered, none is
            select j.next_need
            from only job as j
            where j.state = 'ready' and not j.parked and j.singleton_key is not null
                and j.next_need >= case when right(c.capability, 1) = '%' then left(c.capability, -1) else c.capability end collate "C"
            order by j.next_need, j.priority, j.number
            limit 1
        ) as h
        where _capability_matches(c.capability, h.next_need)
    );
end
$_has_ready_heads$;

comment on function _has_ready_heads(text[]) is
    'Whether a head of a singleton key may be ready that these capabilities cover: a look for each. True without a look where they are many.';
