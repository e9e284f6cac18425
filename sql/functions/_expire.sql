create or replace function _expire(limit_jobs integer, now timestamptz)
returns integer
language plpgsql
volatile
as $_expire$
declare
    v_job   job;
    v_count integer := 0;
begin
    for v_job in
        with late as materialized (
            select j.job_id
            from job as j
            where j.state in ('blocked', 'scheduled', 'ready') and j.expires_at is not null and j.expires_at <= _expire.now
            order by j.expires_at
            limit _expire.limit_jobs
            for update skip locked
        )
        select j.* from job as j join late as l on l.job_id = j.job_id
    loop
        perform _bury(v_job, 'expired', null, null, null, 'leasehold', now, nested => true);
        v_count := v_count + 1;
    end loop;
    return v_count;
end
$_expire$;

comment on function _expire(integer, timestamptz) is 'Buries jobs that did not start before their expires_at. Returns how many.';
