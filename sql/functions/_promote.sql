create or replace function _promote(limit_jobs integer, now timestamptz, since timestamptz)
returns integer
language plpgsql
volatile
as $_promote$
declare
    v_ids text[];
begin
    select array_agg(d.job_id::text) into v_ids
    from (
        select j.job_id
        from only job as j
        where j.state = 'scheduled' and j.available_at between since and _promote.now
            and not _is_set_aside('promote', j.job_id::text, _promote.now)
        order by j.available_at
        limit _promote.limit_jobs
        for no key update skip locked
    ) as d;
    return _maintain('promote', v_ids, now);
end
$_promote$;

comment on function _promote(integer, timestamptz, timestamptz) is
    'Scheduled jobs whose time came enter the queue, the earliest first. Looks from since on (_last_tick). Returns how many.';
