create or replace function _choose(needs text[], limit_jobs integer, now timestamptz, but uuid[] default '{}')
returns uuid[]
language plpgsql
volatile
as $_choose$
declare
    v_ids       uuid[];
    v_chosen    uuid[] := array[]::uuid[];
    v_passed    uuid[] := but;
    v_special   boolean;
begin
    loop
        select p.ids, p.special into v_ids, v_special from _pick(needs, limit_jobs - cardinality(v_chosen), v_passed, now) as p;
        exit when v_ids is null;
        if v_special then
            v_passed := v_passed || v_ids;
            v_ids := _admissible(v_ids, but || v_chosen, now);
        end if;
        v_chosen := v_chosen || v_ids;
        -- nothing was turned away: it is all there is, or all that was wanted
        exit when not v_special or cardinality(v_chosen) >= limit_jobs;
    end loop;
    return v_chosen;
end
$_choose$;

comment on function _choose(text[], integer, timestamptz, uuid[]) is
    'Locks up to limit_jobs jobs that can be leased now, and returns them in order; never one of but. A job that cannot be (its key is taken, '
    'it may not start any more) costs only its own turn.';
