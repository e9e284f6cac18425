create or replace function _stem(capability text)
returns text
language sql
immutable
as $_stem$
    select case when right(capability, 1) = '%' then regexp_replace(capability, '[^.]*$', '') else capability end
$_stem$;

comment on function _stem(text) is
    'The stem under which a capability of a waiting worker is filed: a need under itself, a prefix under its whole '
    'parts, for example billing. for both billing.% and billing.in%.';
