create or replace function _expire(limit_jobs integer, now timestamptz)
returns integer
language plpgsql
volatile
as $_expire$
declare
    v_ids   uuid[];
    v_job   job;
    v_count integer := 0;
begin
    select array_agg(d.job_id) into v_ids
    from (
        select w.job_id
        from (
            select j.job_id
            from only job as j
            where j.state in ('blocked', 'scheduled', 'ready') and j.expires_at is not null and j.expires_at <= _expire.now
            order by j.expires_at
            limit _expire.limit_jobs
            for update skip locked
        ) as w
        union all
        select r.job_id
        from (
            select j.job_id
            from ready as j
            where j.expires_at is not null and j.expires_at <= _expire.now
            order by j.expires_at
            limit _expire.limit_jobs
            for update skip locked
        ) as r
        limit _expire.limit_jobs
    ) as d;
    if v_ids is null then
        return 0;
    end if;
    -- read in a statement of its own: as they are now that the locks are held
    for v_job in
        select j.* from job as j where j.job_id = any (v_ids) order by j.expires_at
    loop
        perform _bury(v_job, 'expired', null, null, null, 'leasehold', now, nested => true);
        v_count := v_count + 1;
    end loop;
    return v_count;
end
$_expire$;

comment on function _expire(integer, timestamptz) is 'Buries jobs that did not start before their expires_at. Returns how many.';
