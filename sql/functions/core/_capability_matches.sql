create or replace function _capability_matches(capability text, need text)
returns boolean
language sql
immutable
as $_capability_matches$
    select case
        when right(capability, 1) = '%' then starts_with(need, left(capability, -1))
        else capability = need
    end
$_capability_matches$;

comment on function _capability_matches(text, text) is
    'Whether a capability covers a need. A % at the end of a capability matches any rest; elsewhere it is not '
    'special.';
