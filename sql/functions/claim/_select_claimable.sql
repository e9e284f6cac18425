create or replace function _select_claimable(survey _claim_plan, limit_jobs integer, now timestamptz, but uuid[] default '{}')
returns uuid[]
language plpgsql
volatile
as $_select_claimable$
declare
    v_picked    _candidates;
    v_chosen    uuid[] := array[]::uuid[];
    v_passed    uuid[] := but;
begin
    loop
        v_picked := _lock_candidates(survey, limit_jobs - cardinality(v_chosen), v_passed, now);
        exit when v_picked.ids is null;
        if v_picked.special then
            v_passed := v_passed || v_picked.ids;
            v_picked.ids := _filter_claimable(v_picked.ids, but || v_chosen, now);
        end if;
        v_chosen := v_chosen || v_picked.ids;
        -- nothing was turned away: it is all there is, or all that was wanted
        exit when not v_picked.special or cardinality(v_chosen) >= limit_jobs;
    end loop;
    return v_chosen;
end
$_select_claimable$;

comment on function _select_claimable(_claim_plan, integer, timestamptz, uuid[]) is
    'Locks up to limit_jobs jobs that can be leased now, and returns them in order; never one of but. A job that cannot be (its key is taken, '
    'it may not start any more) costs only its own turn.';
