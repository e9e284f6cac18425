create or replace function _lock_still_due(step text, subjects text[], now timestamptz)
returns text[]
language plpgsql
volatile
as $_lock_still_due$
declare
    v_up_since  timestamptz;
    v_still_due text[];
begin
    case step
        when 'reclaim' then
            v_up_since := _server_up_since(now);
            select array_agg(d.job_id::text) into v_still_due
            from (
                select j.job_id
                from leased as j
                where j.job_id = any (subjects::uuid[])
                    and _reclaimable_at(j.fence, j.leased_at, j.lease_expires_at, v_up_since) <= _lock_still_due.now
                order by j.job_id
                for update skip locked
            ) as d;
        when 'promote' then
            select array_agg(d.job_id::text) into v_still_due
            from (
                select j.job_id
                from only job as j
                where j.job_id = any (subjects::uuid[])
                    -- by the primary key: "state = 'scheduled'" would bring in the index of all scheduled jobs
                    and j.state || '' = 'scheduled' and j.available_at <= _lock_still_due.now
                order by j.job_id
                for no key update skip locked
            ) as d;
        when 'expire' then
            select array_agg(d.job_id::text) into v_still_due
            from (
                select j.job_id
                from job as j
                where j.job_id = any (subjects::uuid[])
                    and j.state || '' in ('blocked', 'scheduled', 'ready') and j.expires_at <= _lock_still_due.now
                order by j.job_id
                for update skip locked
            ) as d;
        when 'heartbeats' then
            select array_agg(d.fence::text) into v_still_due
            from (
                select h.fence
                from heartbeat as h
                where h.fence = any (subjects::bigint[]) and h.extended_at < _lock_still_due.now - interval '1 minute'
                    and not exists (select from leased as j where j.job_id = h.job_id and j.fence = h.fence offset 0)
                for update skip locked
            ) as d;
        when 'waiters' then
            select array_agg(d.place::text) into v_still_due
            from (
                select w.ctid as place
                from waiter as w
                -- another registration may have taken the place since
                where w.ctid = any (subjects::tid[]) and w.until < _lock_still_due.now - interval '1 minute'
                for update skip locked
            ) as d;
    end case;
    return v_still_due;
end
$_lock_still_due$;

comment on function _lock_still_due(text, text[], timestamptz) is
    'As _lock_due, for named rows: locks those of them that the step is still due for, by skipping what is locked.';
