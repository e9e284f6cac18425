create or replace function _key_lock(singleton_key text)
returns bigint
language sql
stable
as $_key_lock$
    select hashtextextended(singleton_key, hashtextextended(current_schema(), 0))
$_key_lock$;

comment on function _key_lock(text) is
    'The advisory lock of a singleton key. It is only ever tried, never waited for; two keys that share a number cost each other a turn.';
