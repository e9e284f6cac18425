create or replace function _release_key(singleton_key text, was text)
returns void
language plpgsql
volatile
as $_release_key$
begin
    -- Where only the head of a key is lost, not its lease, the key stays open to others while this transaction goes on, and a later one admits.
    if was = 'leased' and not _unpark_next(singleton_key) or was = 'ready' then
        insert into deferred (kind, singleton_key) values ('key', _release_key.singleton_key);
    end if;
end
$_release_key$;

comment on function _release_key(text, text) is 'A job of this key left the given state: sees to it that the next of the key is admitted.';
