create or replace function _forget_heartbeats(now timestamptz)
returns void
language plpgsql
volatile
as $_forget_heartbeats$
begin
    delete from heartbeat as h
    where h.fence = any (
        array(
            select o.fence
            from heartbeat as o
            -- most leases that are current were extended since
            where o.extended_at < _forget_heartbeats.now - interval '1 minute'
                -- offset: a look for each, where a join, planned while there were no jobs, would read all of them for ever
                and not exists (select from leased as j where j.job_id = o.job_id and j.fence = o.fence offset 0)
            order by o.fence
            for update skip locked
        )
    );
end
$_forget_heartbeats$;

comment on function _forget_heartbeats(timestamptz) is 'Removes the ends of leases that are over, which nobody writes any more.';
