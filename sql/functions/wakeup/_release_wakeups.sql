create or replace function _release_wakeups(taken uuid[])
returns void
language plpgsql
volatile
as $_release_wakeups$
declare
    v_held  constant text := nullif(current_setting('leasehold.held_wakeups', true), '');
    v_needs text[];
begin
    if v_held is null then
        return;
    end if;
    perform set_config('leasehold.held_wakeups', '', true);
    if v_held = 'held' then
        return;
    end if;
    select array_agg(distinct split_part(l.line, ' ', 2)) into v_needs
    from unnest((string_to_array(v_held, E'\n'))[2 :]) as l (line)
    where split_part(l.line, ' ', 1)::uuid <> all (taken);
    if v_needs is not null then
        perform _wake_waiters(v_needs);
    end if;
end
$_release_wakeups$;

comment on function _release_wakeups(uuid[]) is
    'Ends _hold_wakeups: wakes workers for the jobs that were let in, except for those that the claim itself takes.';
