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
    'Begins to hold back wake-ups, because a claim is about to run maintenance: the claim may take the jobs that '
    'maintenance lets in, and then a thousand sleeping workers need not wake for them. _release_wakeups ends it. A '
    'setting of the transaction holds the jobs and their needs, so that a rollback forgets them.';
