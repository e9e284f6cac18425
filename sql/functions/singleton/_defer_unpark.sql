create or replace function _defer_unpark(keys text[])
returns void
language plpgsql
volatile
as $_defer_unpark$
begin
    insert into deferred (kind, singleton_key) select 'key', k.key from unnest(keys) as k (key);
end
$_defer_unpark$;

comment on function _defer_unpark(text[]) is
    'Leaves a deferred item for each of these singleton keys: a later transaction unparks the next job of the key.';
