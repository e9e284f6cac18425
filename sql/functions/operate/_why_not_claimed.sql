create or replace function _why_not_claimed(v_job job)
returns setof reason
language plpgsql
volatile
as $_why_not_claimed$
declare
    v_count bigint;
    v_since timestamptz;
begin
    if v_job.parked or exists (select from leased as j where j.singleton_key = v_job.singleton_key) then
        return query
        select 'singleton_busy', 'another job of its singleton_key goes first', null::timestamptz, coalesce(
            (select j.job_id from leased as j where j.singleton_key = v_job.singleton_key),
            -- "not parked" would bring in the index of all heads, of any key
            (
                select j.job_id from only job as j
                where j.singleton_key = v_job.singleton_key and j.state = 'ready' and j.parked < true
                limit 1
            )
        );
        return;
    end if;

    select count(*) into v_count
    from (
        -- each half by its own index
        (
            select
            from (
                select distinct _lane_priority(o.priority) as priority
                from lane as o
                where o.next_need = v_job.next_need
            ) as l
            cross join lateral (
                select from ready as j
                where _in_lane(j.next_need, j.priority, v_job.next_need, l.priority)
                    and j.number < case when l.priority = v_job.priority then v_job.number else 9223372036854775807 end
                limit 1000
            ) as a
            where l.priority <= v_job.priority
            limit 1000
        )
        union all
        (
            select from only job as j
            where j.next_need = v_job.next_need and _is_ready_head(j.state, j.parked, j.singleton_key)
                and (j.priority, j.number) < (v_job.priority, v_job.number)
            limit 1000
        )
        limit 1000
    ) as a;
    return query
    select
        'waits_for_a_worker',
        format(
            '%s%s jobs of %s go before it', v_count, case when v_count = 1000 then ' or more' end, v_job.next_need
        ),
        null::timestamptz, null::uuid;
    v_since := _unclaimed_since(v_job.next_need);
    if v_since is not null then
        return query
        select
            'no_worker_has_asked',
            format(
                'no worker is known to have asked for %s since its first job was submitted, at %s',
                v_job.next_need, v_since
            ),
            null::timestamptz, null::uuid;
    end if;
end
$_why_not_claimed$;

comment on function _why_not_claimed(job) is
    'The reasons of why_not_running for a ready job: another job of its singleton key, the jobs that go before it '
    '(counted up to a thousand), and that no worker is known to have asked for its need.';
