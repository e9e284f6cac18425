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
    v_survey        _claim_plan;
    v_ids           uuid[];
    v_keyed         boolean;
begin
    -- nearly always: one job of one need, by the newest marks
    if _is_plain_claim(worker_id, capabilities) and coalesce(limit_jobs, 1) = 1 and not _snapshot_is_fixed() then
        loop
            select k.* into v_watermark from watermark as k where k.next_need = capabilities[1] order by k.watermark_id desc limit 1;
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
    v_survey := _plan_claim(capabilities, v_now);
    v_keyed := v_survey.keyed_need is not null;
    v_ids := _select_claimable(v_survey, limit_jobs, v_now);
    if cardinality(v_ids) < limit_jobs and not v_survey.tended and v_maintained is not true then
        -- hungry: what is due may be what it looks for
        perform _run_maintenance_from_horizon(greatest(limit_jobs, 250), v_now);
        v_survey := _plan_claim(capabilities, v_now);
        v_keyed := v_keyed or v_survey.keyed_need is not null;
        v_ids := v_ids || _select_claimable(v_survey, limit_jobs - cardinality(v_ids), v_now, v_ids);
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
    -- the look for leases of a key was an old one: the unique index has the last word
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
    'Leases up to limit_jobs (1 to 1000) jobs that these capabilities cover, lowest priority first, then longest ready. lease: how long, above zero, '
    'at most the setting max_lease. Each row is all a worker needs; results holds what the job waited for as {job_id: result}, or, above 64 kB, '
    'nothing but results_truncated: page through results(). By the way it promotes, reclaims, expires and frees what is due, of any need. '
    'The grant counts when it commits: call it in a transaction of its own. Locks: jobs it takes, by skipping what is locked; waits for nobody. '
    'Raises LH010; above READ COMMITTED also 40001.';
