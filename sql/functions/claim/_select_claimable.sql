create or replace function _select_claimable(
    plan _claim_plan, limit_jobs integer, now timestamptz, excluded uuid[] default '{}'
)
returns uuid[]
language plpgsql
volatile
as $_select_claimable$
declare
    v_locked    _candidates;
    v_chosen    uuid[] := array[]::uuid[];
    v_seen      uuid[] := excluded;
begin
    loop
        v_locked := _lock_candidates(plan, limit_jobs - cardinality(v_chosen), v_seen, now);
        exit when v_locked.ids is null;
        if v_locked.special then
            v_seen := v_seen || v_locked.ids;
            v_locked.ids := _filter_claimable(v_locked.ids, excluded || v_chosen, now);
        end if;
        v_chosen := v_chosen || v_locked.ids;
        -- If no job was turned away, there are no more, or no more are wanted.
        exit when not v_locked.special or cardinality(v_chosen) >= limit_jobs;
    end loop;
    return v_chosen;
end
$_select_claimable$;

comment on function _select_claimable(_claim_plan, integer, timestamptz, uuid[]) is
    'Locks up to limit_jobs jobs that can be leased now, and returns them in order; never one of excluded. A job that '
    'cannot be leased, because its key is taken or it may not start any more, delays no other job.';
