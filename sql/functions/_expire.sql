create or replace function _expire(limit_jobs integer, now timestamptz)
returns integer
language plpgsql
volatile
as $_expire$
declare
    v_ids   text[];
begin
    select array_agg(d.job_id::text) into v_ids
    from (
        select w.job_id
        from (
            select j.job_id
            from only job as j
            where j.state in ('blocked', 'scheduled', 'ready') and j.expires_at is not null and j.expires_at <= _expire.now
                and not _is_set_aside('expire', j.job_id::text, _expire.now)
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
                and not _is_set_aside('expire', j.job_id::text, _expire.now)
            order by j.expires_at
            limit _expire.limit_jobs
            for update skip locked
        ) as r
        limit _expire.limit_jobs
    ) as d;
    return _maintain('expire', v_ids, now);
end
$_expire$;

comment on function _expire(integer, timestamptz) is 'Buries jobs that did not start before their expires_at. Returns how many.';
