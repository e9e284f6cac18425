create or replace function _key_slot(singleton_key text)
returns integer
language sql
immutable
as $_key_slot$
    select (hashtextextended(singleton_key, 0) & 16383)::integer
$_key_slot$;

comment on function _key_slot(text) is 'Which row of key_slot stands for a singleton key. Two keys of one row cost each other a turn, nothing else.';
