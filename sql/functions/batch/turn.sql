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
declare
    v_now       constant timestamptz := _now();
    v_lease     constant interval := _duration(coalesce(lease, interval '60 s'));
    v_watermark watermark;
    v_usable    boolean;
    v_work      work;
    v_turned    turned;
begin
    -- The usual case: no further check, and watermarks to go by. get_work has the same statements; a function for both
    -- would make either more expensive.
    if _is_plain_claim(worker_id, capabilities) and coalesce(limit_jobs, 1) between 1 and 1000 then
        select k.* into v_watermark
        from watermark as k
        where k.next_need = capabilities[1]
        order by k.watermark_id desc
        limit 1;
        v_usable := found and _watermark_usable(v_watermark, v_lease, v_now);
    end if;
    if v_usable is not true then
        perform _check_text('worker_id', worker_id, 200);
        perform _check_capabilities(capabilities);
        perform _check_lease(coalesce(lease, interval '60 s'));
        perform _check_count('limit_jobs', limit_jobs, 1, 1000);
        -- This transaction must not have an id yet: deferred items and watermarks depend on it (_run_deferred,
        -- _advance_watermarks).
        perform _hold_wakeups();
        if v_watermark.watermark_id is not null then
            perform _refresh_watermark(v_watermark.next_need, v_now);
        else
            perform _plan_claim(capabilities, v_now);
        end if;
    end if;
    v_turned.settled := _settle_single(done);
    if (v_turned.settled).ok then
        return next v_turned;
        v_turned.settled := null;
    elsif done <> '[]' then
        foreach v_turned.settled in array _settle_batch(done, coalesce(strict, true)) loop
            return next v_turned;
            -- A reschedule may have opened a lane that the watermarks read above do not know.
            v_usable := v_usable and (v_turned.settled).verb <> 'reschedule';
        end loop;
        v_turned.settled := null;
    end if;
    -- The usual case of get_work, without its other steps.
    if v_usable and coalesce(limit_jobs, 1) = 1 and not _snapshot_is_fixed() then
        v_work := _claim_one(v_watermark, worker_id, v_lease);
        if v_work.job_id is not null then
            v_turned.work := v_work;
            return next v_turned;
            return;
        end if;
    end if;
    return query select null::settled, (w.*)::work from get_work(worker_id, capabilities, lease, limit_jobs) as w;
end
$turn$;

comment on function turn(text, text[], jsonb, interval, integer, boolean) is
    'settle and get_work in one round trip and one commit. Returns rows of (settled, work) of which one is null, the '
    'settled rows first. The new work is leased when the ends commit. Locks and raises what settle and get_work do.';
