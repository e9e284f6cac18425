create or replace function _scope_name(capabilities text[])
returns text
language plpgsql
stable
as $_scope_name$
declare
    v_scope text;
begin
    if cardinality(capabilities) = 1 then
        return E'\n' || capabilities[1];
    end if;
    select E'\n' || string_agg(distinct c.capability collate "C", E'\n' order by c.capability collate "C") into v_scope
    from unnest(capabilities) as c (capability);
    -- the size of an index entry is limited
    if octet_length(v_scope) > 1000 then
        return E'\n\n' || encode(sha256(convert_to(v_scope, 'UTF8')), 'hex');
    end if;
    return v_scope;
end
$_scope_name$;

comment on function _scope_name(text[]) is
    'The name of a set of capabilities in lane_cache and lookahead: the capabilities in order, or their hash if they '
    'are too long.';
