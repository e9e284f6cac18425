create or replace function _hold_wakeups()
returns void
language plpgsql
volatile
as $_hold_wakeups$
begin
    if coalesce(current_setting('leasehold.held_wakeups', true), '') = '' then
        perform set_config('leasehold.held_wakeups', 'held', true);
    end if;
end
$_hold_wakeups$;

comment on function _hold_wakeups() is
    'A claim is about to do maintenance: what that lets in may be what the claim takes, and then a thousand sleeping '
    'workers need not wake for it. _release_wakeups ends it. A setting of the transaction holds what is to be rung for, '
    'so that a rollback forgets it.';
