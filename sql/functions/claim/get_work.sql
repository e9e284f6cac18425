create or replace function get_work(
    worker_id text,
    capabilities text[],
    lease interval default '60 s',
    limit_jobs integer default 1
)
returns setof work
language plpgsql
volatile
security definer
set search_path from current
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
set enable_bitmapscan to off
as $get_work$
declare
    v_now           constant timestamptz := _now();
    v_lease         constant interval := _duration(coalesce(lease, interval '60 s'));
    v_watermark     watermark;
    v_maintained    boolean;
    v_work          work;
    v_plan          _claim_plan;
    v_ids           uuid[];
    v_keyed         boolean;
begin
    -- The usual case: one job of one need, by the newest watermarks. turn has the same statements; a function for both
    -- would make either more expensive.
    if _is_plain_claim(worker_id, capabilities) and coalesce(limit_jobs, 1) = 1 and not _snapshot_is_fixed() then
        loop
            select k.* into v_watermark
            from watermark as k
            where k.next_need = capabilities[1]
            order by k.watermark_id desc
            limit 1;
            if found and _watermark_usable(v_watermark, v_lease, v_now) then
                v_work := _claim_one(v_watermark, worker_id, v_lease);
                if v_work.job_id is not null then
                    if v_maintained is not null then
                        perform _release_wakeups(array[v_work.job_id]);
                    end if;
                    return next v_work;
                    return;
                end if;
                exit;
            end if;
            exit when v_maintained is not null or v_watermark.watermark_id is null;
            perform _hold_wakeups();
            v_maintained := _refresh_watermark(v_watermark.next_need, v_now);
        end loop;
    end if;
    limit_jobs := coalesce(limit_jobs, 1);
    perform _check_text('worker_id', worker_id, 200);
    perform _check_capabilities(capabilities);
    perform _check_lease(coalesce(lease, interval '60 s'));
    perform _check_count('limit_jobs', limit_jobs, 1, 1000);

    if (cardinality(capabilities) > 1 or right(capabilities[1], 1) = '%') and not _snapshot_is_fixed() then
        v_ids := _claim_lookahead(capabilities, limit_jobs, v_now);
        if v_ids is not null then
            perform _release_wakeups(v_ids);
            return query select * from _grant_leases(v_ids, false, worker_id, v_lease);
            return;
        end if;
    end if;

    perform _hold_wakeups();
    v_plan := _plan_claim(capabilities, v_now);
    v_keyed := v_plan.keyed_need is not null;
    v_ids := _select_claimable(v_plan, limit_jobs, v_now);
    if cardinality(v_ids) < limit_jobs and not v_plan.maintained and v_maintained is not true then
        -- Too few jobs were found. Those that are due for maintenance may be what this worker can do.
        perform _run_maintenance_from_horizon(greatest(limit_jobs, 250), v_now);
        v_plan := _plan_claim(capabilities, v_now);
        v_keyed := v_keyed or v_plan.keyed_need is not null;
        v_ids := v_ids || _select_claimable(v_plan, limit_jobs - cardinality(v_ids), v_now, v_ids);
        v_ids := array(select j.job_id from job as j where j.job_id = any (v_ids) order by j.priority, j.number);
    end if;
    perform _release_wakeups(v_ids);
    if v_ids = '{}' then
        return;
    end if;
    if not _snapshot_is_fixed() then
        return query select * from _grant_leases(v_ids, v_keyed, worker_id, v_lease);
        return;
    end if;
    -- The leases of a key were read with an old snapshot, so the unique index decides.
    begin
        return query select * from _grant_leases(v_ids, v_keyed, worker_id, v_lease);
    exception
        when unique_violation then
            raise exception 'another job of the same singleton key was leased by a transaction that this one cannot see'
                using errcode = 'serialization_failure', hint = 'Try the transaction again.';
    end;
end
$get_work$;

comment on function get_work(text, text[], interval, integer) is
    'Leases up to limit_jobs (1 to 1000) jobs that these capabilities cover, lowest priority first, then longest '
    'ready. lease: how long the lease lasts, greater than zero and at most the setting max_lease. Each row has all '
    'that a worker needs. results holds the results of the jobs that this one waited for as {job_id: result}; if they '
    'are larger than 64 kB, it is empty and results_truncated is true: page through results(). The call also '
    'promotes, reclaims, expires and frees jobs of any need that are due. The lease counts once it is committed: call '
    'this function in a transaction of its own. Locks: the jobs that it takes, skipping locked rows; it waits for no '
    'other transaction. Raises LH010; with a fixed snapshot also 40001.';
