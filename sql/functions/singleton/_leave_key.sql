create or replace function _leave_key(singleton_key text, was text)
returns void
language plpgsql
volatile
as $_leave_key$
begin
    -- Where only the head of a key is lost, not its lease, the key stays open to others while this transaction goes on, and a later one admits.
    if was = 'leased' and not _admit(singleton_key) or was = 'ready' then
        insert into note (kind, singleton_key) values ('key', _leave_key.singleton_key);
    end if;
end
$_leave_key$;

comment on function _leave_key(text, text) is 'A job of this key left the given state: sees to it that the next of the key is admitted.';
