create or replace function _release_key(singleton_key text, was text)
returns void
language plpgsql
volatile
as $_release_key$
begin
    -- If the key loses only its head and not its lease, other transactions can still use the key until this one ends.
    -- The next job is then unparked by a later transaction.
    if was = 'leased' and not _unpark_next(singleton_key) or was = 'ready' then
        perform _defer_unpark(array[singleton_key]);
    end if;
end
$_release_key$;

comment on function _release_key(text, text) is
    'Sees to it that the next job of the key is unparked after a job of the key left the given state.';
