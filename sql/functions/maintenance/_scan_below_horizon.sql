create or replace function _scan_below_horizon(
    v_horizon maintenance_horizon, now timestamptz, out leased_page integer, out waiting_page integer
)
language plpgsql
volatile
as $_scan_below_horizon$
declare
    -- pages of each table to read: takes a fraction of a millisecond
    v_pages     constant integer := 64;
    v_up_since  constant timestamptz := _server_up_since(now);
    v_subjects  text[];
begin
    -- Not by the indexes on time: below the horizon these hold the dead entries of all leases and schedules that are
    -- over.
    select array_agg(d.job_id::text) into v_subjects
    from (
        select j.job_id
        from leased as j
        where j.ctid >= format('(%s,0)', v_horizon.leased_page)::tid
            and j.ctid < format('(%s,0)', v_horizon.leased_page + v_pages)::tid
            and j.check_at + interval '0' < v_horizon.leases_from
            and _reclaimable_at(j.fence, j.leased_at, j.lease_expires_at, v_up_since) <= _scan_below_horizon.now
            and not _is_set_aside('reclaim', j.job_id::text, _scan_below_horizon.now)
    ) as d;
    if v_subjects is not null then
        perform _run_contained_step('reclaim', cardinality(v_subjects), null, now, v_subjects);
    end if;
    select array_agg(d.job_id::text) into v_subjects
    from (
        select j.job_id
        from only job as j
        where j.ctid >= format('(%s,0)', v_horizon.waiting_page)::tid
            and j.ctid < format('(%s,0)', v_horizon.waiting_page + v_pages)::tid
            and j.state || '' = 'scheduled' and j.available_at + interval '0' < v_horizon.schedules_from
            and not _is_set_aside('promote', j.job_id::text, _scan_below_horizon.now)
    ) as d;
    if v_subjects is not null then
        perform _run_contained_step('promote', cardinality(v_subjects), null, now, v_subjects);
    end if;

    leased_page := v_horizon.leased_page + v_pages;
    if leased_page * 8192::bigint >= pg_relation_size('leased') then
        leased_page := 0;
    end if;
    waiting_page := v_horizon.waiting_page + v_pages;
    if waiting_page * 8192::bigint >= pg_relation_size('job') then
        waiting_page := 0;
    end if;
end
$_scan_below_horizon$;

comment on function _scan_below_horizon(maintenance_horizon, timestamptz) is
    'Acts on leases and schedules below the times of the maintenance horizon, where maintenance does not look. There '
    'should be none: a clock that was set back, or a statement by hand, has put them there. Reads a few pages of each '
    'table, and returns the pages at which the next call continues.';
