create or replace function _stem(capability text)
returns text
language sql
immutable
as $_stem$
    select case when right(capability, 1) = '%' then regexp_replace(capability, '[^.]*$', '') else capability end
$_stem$;

comment on function _stem(text) is
    'What a waiter''s capability is filed under: a need under itself, a prefix under its whole parts: billing. for billing.% and for billing.in%.';
