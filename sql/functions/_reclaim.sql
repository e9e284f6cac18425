create or replace function _reclaim(limit_jobs integer, now timestamptz, since timestamptz)
returns integer
language plpgsql
volatile
as $_reclaim$
declare
    v_up_since  timestamptz;
    v_ids       text[];
begin
    perform _note_uptime();
    v_up_since := _up_since(now);
    select array_agg(d.job_id::text) into v_ids
    from (
        select j.job_id
        from leased as j
        where j.check_at between since and _reclaim.now
            -- an extended lease is not locked in passing: its worker would wait for this transaction
            and _runs_out_at(j.fence, j.leased_at, j.lease_expires_at, v_up_since) <= _reclaim.now
            and not _is_set_aside('reclaim', j.job_id::text, _reclaim.now)
        order by j.check_at
        limit _reclaim.limit_jobs
        for update skip locked
    ) as d;
    return _maintain('reclaim', v_ids, now);
end
$_reclaim$;

comment on function _reclaim(integer, timestamptz, timestamptz) is
    'Takes away leases that ran out and that no transaction is about (hold_lease, an end on its way). Looks from since on (_last_tick). Returns how many.';
