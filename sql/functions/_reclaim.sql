create or replace function _reclaim(limit_jobs integer, now timestamptz, since timestamptz)
returns integer
language plpgsql
volatile
as $_reclaim$
declare
    v_ids   uuid[];
    v_id    uuid;
    v_count integer := 0;
begin
    select array_agg(d.job_id) into v_ids
    from (
        select j.job_id
        from leased as j
        where j.check_at between since and _reclaim.now
            -- an extended lease is not locked in passing: its worker would wait for this transaction
            and _runs_out_at(j.fence, j.leased_at, j.lease_expires_at) <= _reclaim.now
        order by j.check_at
        limit _reclaim.limit_jobs
        for update skip locked
    ) as d;
    if v_ids is null then
        return 0;
    end if;
    foreach v_id in array v_ids loop
        if _reclaim_one(v_id, now) then
            v_count := v_count + 1;
        end if;
    end loop;
    return v_count;
end
$_reclaim$;

comment on function _reclaim(integer, timestamptz, timestamptz) is
    'Takes away leases that ran out and that no transaction is about (hold_lease, an end on its way). Looks from since on (_last_tick). Returns how many.';
