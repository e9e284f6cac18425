create or replace function _leave_key(singleton_key text, was text)
returns void
language plpgsql
volatile
as $_leave_key$
begin
    if was = 'leased' then
        perform _admit(singleton_key);
    elsif was = 'ready' then
        -- only the head of a key was lost, not its lease: the key stays open to others while this transaction goes on, and a later one admits
        insert into note (kind, singleton_key) values ('key', _leave_key.singleton_key);
    end if;
end
$_leave_key$;

comment on function _leave_key(text, text) is 'A job of this key left the given state: sees to it that the next of the key is admitted.';
