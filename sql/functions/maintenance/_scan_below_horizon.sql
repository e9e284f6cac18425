create or replace function _scan_below_horizon(v_horizon maintenance_horizon, now timestamptz, out leased_page integer, out waiting_page integer)
language plpgsql
volatile
as $_scan_below_horizon$
declare
    -- pages of each table: a fraction of a millisecond
    v_pages     constant integer := 64;
    v_up_since  constant timestamptz := _server_up_since(now);
    v_ids       text[];
begin
    -- Not by the index on time: below the horizon it holds the dead entries of all leases and schedules that are over.
    select array_agg(d.job_id::text) into v_ids
    from (
        select j.job_id
        from leased as j
        where j.ctid >= format('(%s,0)', v_horizon.leased_page)::tid and j.ctid < format('(%s,0)', v_horizon.leased_page + v_pages)::tid
            and j.check_at + interval '0' < v_horizon.leases_from
            and _reclaimable_at(j.fence, j.leased_at, j.lease_expires_at, v_up_since) <= _scan_below_horizon.now
            and not _is_set_aside('reclaim', j.job_id::text, _scan_below_horizon.now)
    ) as d;
    if v_ids is not null then
        perform _run_contained_step('reclaim', cardinality(v_ids), null, now, v_ids);
    end if;
    select array_agg(d.job_id::text) into v_ids
    from (
        select j.job_id
        from only job as j
        where j.ctid >= format('(%s,0)', v_horizon.waiting_page)::tid and j.ctid < format('(%s,0)', v_horizon.waiting_page + v_pages)::tid
            and j.state || '' = 'scheduled' and j.available_at + interval '0' < v_horizon.schedules_from
            and not _is_set_aside('promote', j.job_id::text, _scan_below_horizon.now)
    ) as d;
    if v_ids is not null then
        perform _run_contained_step('promote', cardinality(v_ids), null, now, v_ids);
    end if;

    leased_page := case when (v_horizon.leased_page + v_pages) * 8192::bigint < pg_relation_size('leased') then v_horizon.leased_page + v_pages else 0 end;
    waiting_page := case when (v_horizon.waiting_page + v_pages) * 8192::bigint < pg_relation_size('job') then v_horizon.waiting_page + v_pages else 0 end;
end
$_scan_below_horizon$;

comment on function _scan_below_horizon(maintenance_horizon, timestamptz) is
    'Looks for leases and schedules that lie below the horizons of the tick, where upkeep does not look, though '
    'nothing should: whatever a clock that was set back, or a hand, has put there is due. A few pages of each table '
    'a call; returns with which page the next call begins.';
