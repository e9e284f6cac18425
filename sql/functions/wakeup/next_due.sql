create or replace function next_due(capabilities text[])
returns interval
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
set enable_bitmapscan to off
as $next_due$
declare
    v_now constant timestamptz := _now();
begin
    perform _check_capabilities(capabilities);
    return _next_scheduled_at(capabilities, v_now) - v_now;
end
$next_due$;

comment on function next_due(text[]) is
    'In how long the next job that is scheduled for these capabilities (or backs off) becomes due: exactly, or sooner '
    'if very many jobs of other needs come before it. Null: none is scheduled. For a worker that polls: it need not '
    'wake before then. A worker that listens has this from wakeup_channel, which wakes one of many. Locks nothing. '
    'Raises LH010.';
