create or replace function settle(done jsonb, strict boolean default true)
returns setof settled
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
set enable_bitmapscan to off
as $settle$
declare
    v_settled settled;
begin
    v_settled := _settle_single(done);
    if v_settled.ok then
        return next v_settled;
        return;
    end if;
    foreach v_settled in array _settle_batch(done, coalesce(strict, true)) loop
        return next v_settled;
    end loop;
end
$settle$;

comment on function settle(jsonb, boolean) is
    'Settles a batch: done is an array of at most 1,000 objects, each with job_id, lease_id, verb (complete, fail, '
    'release, reschedule or extend) and the parameters of that function; times have an offset from UTC. Returns one '
    'row for each element, in order. With strict, an error of an element is raised, and nothing of the call stays. '
    'With strict => false, it is answered in the element''s own row (error_code, message, detail, hint) and does not '
    'affect the others; a repeated complete is answered with ok => false and LH018. Locks the jobs'' rows in the '
    'order of their ids. Raises LH010 and, with strict, what the verbs raise.';
