create or replace function _wake_for_jobs(ids uuid[], needs text[])
returns void
language plpgsql
volatile
as $_wake_for_jobs$
declare
    v_held constant text := nullif(current_setting('leasehold.held_wakeups', true), '');
begin
    if v_held is null then
        perform _wake_waiters(array(select distinct n.need from unnest(needs) as n (need)));
    elsif ids <> '{}' then
        perform set_config(
            'leasehold.held_wakeups',
            v_held || (select string_agg(E'\n' || e.id || ' ' || e.need, '') from unnest(ids, needs) as e (id, need)),
            true
        );
    end if;
end
$_wake_for_jobs$;

comment on function _wake_for_jobs(uuid[], text[]) is
    'Wakes the workers that wait for jobs that have just entered the queue, each with its need; or holds this back '
    'while the call that let them in may take them itself (_hold_wakeups).';
