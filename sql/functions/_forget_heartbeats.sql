create or replace function _forget_heartbeats(now timestamptz)
returns void
language plpgsql
volatile
as $_forget_heartbeats$
declare
    v_fences text[];
begin
    select array_agg(d.fence::text) into v_fences
    from (
        select o.fence
        from heartbeat as o
        -- most leases that are current were extended since
        where o.extended_at < _forget_heartbeats.now - interval '1 minute'
            -- offset: a look for each, where a join, planned while there were no jobs, would read all of them for ever
            and not exists (select from leased as j where j.job_id = o.job_id and j.fence = o.fence offset 0)
            and not _is_set_aside('heartbeats', o.fence::text, _forget_heartbeats.now)
        order by o.fence
        limit 10000
        for update skip locked
    ) as d;
    perform _maintain('heartbeats', v_fences, now);
end
$_forget_heartbeats$;

comment on function _forget_heartbeats(timestamptz) is 'Removes the ends of leases that are over, which nobody writes any more.';
