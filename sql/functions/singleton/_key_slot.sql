create or replace function _key_slot(singleton_key text)
returns integer
language sql
immutable
as $_key_slot$
    select (hashtextextended(singleton_key, 0) & 16383)::integer
$_key_slot$;

comment on function _key_slot(text) is
    'The row of key_slot that stands for a singleton key. Two keys with the same row can delay each other, but have '
    'no other effect on each other.';
