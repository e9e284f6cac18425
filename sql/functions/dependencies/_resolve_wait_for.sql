create or replace function _resolve_wait_for(
    job_id uuid, wait_for uuid[], on_dependency_failure text, known uuid[],
    out dependencies uuid[], out ended_by uuid, out end_state text
)
language plpgsql
volatile
as $_resolve_wait_for$
declare
    v_unknown   uuid[];
    v_cancelled text;
    v_dead      text;
begin
    if job_id = any (wait_for) then
        raise exception 'job % would wait for itself', job_id
            using errcode = 'LH004',
                  detail = jsonb_build_object('job_id', job_id, 'waits_for', job_id)::text,
                  hint = 'Remove its own id from wait_for.';
    end if;
    -- One statement has one snapshot, which shows a job that ends in the meantime either live or archived.
    with named as (
        select
            w.waits_for,
            case
                when w.waits_for = any (known) then 'live'
                when j.state = 'dead' then 'dead'
                when j.job_id is not null then 'live'
                else a.state
            end as state
        from (select distinct u.id from unnest(wait_for) as u (id)) as w (waits_for)
        -- limit 1 forces one index lookup per id. A plain join could be planned as a scan of the whole tables.
        left join lateral (select o.job_id, o.state from job as o where o.job_id = w.waits_for limit 1) as j on true
        left join lateral (select o.state from archive as o where o.job_id = w.waits_for limit 1) as a on true
    )
    select
        array_agg(n.waits_for order by n.waits_for) filter (where n.state is null),
        array_agg(n.waits_for order by n.waits_for) filter (
            where n.state = 'live' or n.state = 'dead' and _resolve_wait_for.on_dependency_failure <> 'release'
        ),
        min(n.waits_for::text)
            filter (where n.state = 'cancelled' and _resolve_wait_for.on_dependency_failure <> 'release'),
        min(n.waits_for::text) filter (where n.state = 'dead' and _resolve_wait_for.on_dependency_failure = 'cascade')
    into v_unknown, dependencies, v_cancelled, v_dead
    from named as n;

    if v_unknown is not null then
        -- Names up to ten of the unknown ids.
        raise exception 'job % cannot wait for %', job_id, case cardinality(v_unknown)
            when 1 then format('job %s, which does not exist', v_unknown[1])
            else format(
                '%s jobs that do not exist: %s%s', cardinality(v_unknown), array_to_string(v_unknown[: 10], ', '),
                case when cardinality(v_unknown) > 10 then ', ...' end
            )
        end
            using errcode = 'LH004',
                  detail = jsonb_build_object(
                      'job_id', job_id, 'waits_for', v_unknown[1],
                      'unknown', v_unknown[: 10], 'unknown_count', cardinality(v_unknown)
                  )::text,
                  hint = 'Submit the jobs it waits for first, in this transaction or in one that has committed.';
    end if;
    end_state := case
        when v_cancelled is not null and on_dependency_failure = 'cascade' then 'cancelled'
        when v_cancelled is not null or v_dead is not null then 'dead'
    end;
    ended_by := coalesce(v_cancelled, v_dead)::uuid;
end
$_resolve_wait_for$;

comment on function _resolve_wait_for(uuid, uuid[], text, uuid[]) is
    'Resolves wait_for of job_id: dependencies are the jobs that it still has to wait for (null: none). If a job of '
    'wait_for has ended so that, by the policy, job_id must end as well, end_state is dead or cancelled and ended_by '
    'is that job. Ids in known count as live. Raises LH004 for an unknown job and for job_id itself.';
