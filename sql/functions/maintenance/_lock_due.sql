create or replace function _lock_due(step text, limit_rows integer, since timestamptz, now timestamptz)
returns text[]
language plpgsql
volatile
as $_lock_due$
declare
    v_up_since  timestamptz;
    v_due       text[];
begin
    case step
        when 'reclaim' then
            v_up_since := _server_up_since(now);
            select array_agg(d.job_id::text) into v_due
            from (
                select j.job_id
                from leased as j
                where j.check_at between since and _lock_due.now
                    -- an extended lease is not locked in passing: its worker would wait for this transaction
                    and _reclaimable_at(j.fence, j.leased_at, j.lease_expires_at, v_up_since) <= _lock_due.now
                    and not _is_set_aside('reclaim', j.job_id::text, _lock_due.now)
                order by j.check_at
                limit limit_rows
                for update skip locked
            ) as d;
        when 'promote' then
            select array_agg(d.job_id::text) into v_due
            from (
                select j.job_id
                from only job as j
                where j.state = 'scheduled' and j.available_at between since and _lock_due.now
                    and not _is_set_aside('promote', j.job_id::text, _lock_due.now)
                order by j.available_at
                limit limit_rows
                for no key update skip locked
            ) as d;
        when 'expire' then
            select array_agg(d.job_id::text) into v_due
            from (
                select w.job_id
                from (
                    select j.job_id
                    from only job as j
                    where j.state in ('blocked', 'scheduled', 'ready') and j.expires_at is not null and j.expires_at <= _lock_due.now
                        and not _is_set_aside('expire', j.job_id::text, _lock_due.now)
                    order by j.expires_at
                    limit limit_rows
                    for update skip locked
                ) as w
                union all
                select r.job_id
                from (
                    select j.job_id
                    from ready as j
                    where j.expires_at is not null and j.expires_at <= _lock_due.now
                        and not _is_set_aside('expire', j.job_id::text, _lock_due.now)
                    order by j.expires_at
                    limit limit_rows
                    for update skip locked
                ) as r
                limit limit_rows
            ) as d;
        when 'heartbeats' then
            select array_agg(d.fence::text) into v_due
            from (
                select o.fence
                from heartbeat as o
                -- most leases that are current were extended since
                where o.extended_at < _lock_due.now - interval '1 minute'
                    -- offset: a look for each, where a join, planned while there were no jobs, would read all of them for ever
                    and not exists (select from leased as j where j.job_id = o.job_id and j.fence = o.fence offset 0)
                    and not _is_set_aside('heartbeats', o.fence::text, _lock_due.now)
                order by o.fence
                limit limit_rows
                for update skip locked
            ) as d;
        when 'waiters' then
            select array_agg(d.place::text) into v_due
            from (
                select o.ctid as place
                from waiter as o
                where o.until < _lock_due.now - interval '1 minute' and not _is_set_aside('waiters', o.ctid::text, _lock_due.now)
                limit limit_rows
                for update skip locked
            ) as d;
    end case;
    return v_due;
end
$_lock_due$;

comment on function _lock_due(text, integer, timestamptz, timestamptz) is
    'Locks, by skipping what is locked, the rows that a step of maintenance is due for, limit_rows at most and the '
    'longest due first, and returns what identifies them (as _run_step takes it; null: none): leases that ran out '
    'and that no transaction is about (hold_lease, an end on its way), schedules whose time came (both from since '
    'on), jobs past their expires_at, ends of leases that are over, registrations that are over.';
