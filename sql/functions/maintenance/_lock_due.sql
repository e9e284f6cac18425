create or replace function _lock_due(step text, limit_rows integer, since timestamptz, now timestamptz)
returns text[]
language plpgsql
volatile
as $_lock_due$
declare
    v_up_since  timestamptz;
    v_subjects  text[];
begin
    case step
        when 'reclaim' then
            v_up_since := _server_up_since(now);
            select array_agg(d.job_id::text) into v_subjects
            from (
                select j.job_id
                from leased as j
                where j.check_at between since and _lock_due.now
                    -- checked before the lock is taken: the worker of an extended lease would wait for this transaction
                    and _reclaimable_at(j.fence, j.leased_at, j.lease_expires_at, v_up_since) <= _lock_due.now
                    and not _is_set_aside('reclaim', j.job_id::text, _lock_due.now)
                order by j.check_at
                limit limit_rows
                for update skip locked
            ) as d;
        when 'promote' then
            select array_agg(d.job_id::text) into v_subjects
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
            select array_agg(d.job_id::text) into v_subjects
            from (
                select w.job_id
                from (
                    select j.job_id
                    from only job as j
                    where j.state in ('blocked', 'scheduled', 'ready')
                        and j.expires_at is not null and j.expires_at <= _lock_due.now
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
            select array_agg(d.fence::text) into v_subjects
            from (
                select o.fence
                from heartbeat as o
                -- most leases that are current have been extended since
                where o.extended_at < _lock_due.now - interval '1 minute'
                    -- offset: one probe for each; a join that was planned while there were no jobs would always read
                    -- all of them
                    and not exists (select from leased as j where j.job_id = o.job_id and j.fence = o.fence offset 0)
                    and not _is_set_aside('heartbeats', o.fence::text, _lock_due.now)
                order by o.fence
                limit limit_rows
                for update skip locked
            ) as d;
        when 'waiters' then
            select array_agg(d.place::text) into v_subjects
            from (
                select o.ctid as place
                from waiter as o
                where o.until < _lock_due.now - interval '1 minute'
                    and not _is_set_aside('waiters', o.ctid::text, _lock_due.now)
                limit limit_rows
                for update skip locked
            ) as d;
    end case;
    return v_subjects;
end
$_lock_due$;

comment on function _lock_due(text, integer, timestamptz, timestamptz) is
    'Locks the rows that a step of maintenance is due for, by skipping what is locked, and returns what identifies '
    'them (as _run_step takes it; null: none): at most limit_rows, the longest due first. These are leases that have '
    'run out and that no transaction is working on (hold_lease, an end that is not committed), scheduled jobs whose '
    'time has come (both from since on), jobs past their expires_at, heartbeats of leases that have ended, and '
    'registrations that are over. The conditions are also in _lock_still_due: tests/sql/maintenance/due.sql holds the '
    'two together.';
