create or replace function _matching_needs(capabilities text[])
returns text[]
language plpgsql
stable
as $_matching_needs$
begin
    if cardinality(capabilities) = 1 and right(capabilities[1], 1) <> '%' then
        return capabilities;
    end if;
    if not exists (select from unnest(capabilities) as c (capability) where right(c.capability, 1) = '%') then
        return array(select distinct c.capability from unnest(capabilities) as c (capability));
    end if;
    return array(
        select c.capability collate "C" from unnest(capabilities) as c (capability) where right(c.capability, 1) <> '%'
        union
        select l.next_need
        from unnest(capabilities) as c (capability)
        join lane as l on right(c.capability, 1) = '%' and starts_with(l.next_need, left(c.capability, -1))
    );
end
$_matching_needs$;

comment on function _matching_needs(text[]) is 'The needs that a worker with these capabilities can serve, each once.';
