create or replace function turn(
    worker_id text,
    capabilities text[],
    done jsonb default '[]',
    lease interval default '60 s',
    limit_jobs integer default 1,
    strict boolean default true
)
returns setof turned
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
set enable_bitmapscan to off
as $turn$
begin
    perform _check_text('worker_id', worker_id, 200);
    perform _check_capabilities(capabilities);
    perform _check_lease(lease);
    perform _check_count('limit_jobs', limit_jobs, 1, 1000);
    perform _check_done(done);
    if strict is null then
        perform _invalid('strict', 'must not be null');
    end if;
    -- before this transaction has an id of its own: notes and marks want that (_work_notes, _move_marks)
    perform _tend_by_the_way(_now());
    perform _move_marks(_needs(capabilities), _now());
    return query select (s.*)::settled, null::work from _settle(done, strict) as s;
    return query select null::settled, (w.*)::work from get_work(worker_id, capabilities, lease, limit_jobs) as w;
end
$turn$;

comment on function turn(text, text[], jsonb, interval, integer, boolean) is
    'settle and get_work in one call and one commit: rows of (settled, work), of which one is null; the settled first. The new work is leased when the ends '
    'commit. Locks and raises what settle and get_work do.';
