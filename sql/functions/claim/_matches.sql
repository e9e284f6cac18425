create or replace function _matches(capability text, need text)
returns boolean
language sql
immutable
as $_matches$
    select case
        when right(capability, 1) = '%' then starts_with(need, left(capability, -1))
        else capability = need
    end
$_matches$;

comment on function _matches(text, text) is 'Whether a capability covers a need. Only a last % is special.';
