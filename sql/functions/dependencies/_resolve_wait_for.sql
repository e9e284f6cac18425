create or replace function _resolve_wait_for(
    job_id uuid, wait_for uuid[], on_dependency_failure text, known uuid[], out edges uuid[], out doomed_by uuid, out doom text
)
language plpgsql
volatile
as $_resolve_wait_for$
declare
    v_unknown   uuid[];
    v_gone      text;
    v_dead      text;
begin
    if job_id = any (wait_for) then
        raise exception 'job % would wait for itself', job_id
            using errcode = 'LH004',
                  detail = jsonb_build_object('job_id', job_id, 'waits_for', job_id)::text,
                  hint = 'Leave its own id out of wait_for.';
    end if;
    -- one statement, one snapshot: a job that ends in between is seen either live or archived
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
        -- limit: a look for each, where a join could become one over whole tables
        left join lateral (select o.job_id, o.state from job as o where o.job_id = w.waits_for limit 1) as j on true
        left join lateral (select o.state from archive as o where o.job_id = w.waits_for limit 1) as a on true
    )
    select
        array_agg(n.waits_for order by n.waits_for) filter (where n.state is null),
        array_agg(n.waits_for order by n.waits_for)
            filter (where n.state = 'live' or n.state = 'dead' and _resolve_wait_for.on_dependency_failure <> 'release'),
        min(n.waits_for::text) filter (where n.state = 'cancelled' and _resolve_wait_for.on_dependency_failure <> 'release'),
        min(n.waits_for::text) filter (where n.state = 'dead' and _resolve_wait_for.on_dependency_failure = 'cascade')
    into v_unknown, edges, v_gone, v_dead
    from named as n;

    if v_unknown is not null then
        -- all of them, but no more than a person reads
        raise exception 'job % cannot wait for %', job_id, case cardinality(v_unknown)
            when 1 then format('%s: there is no such job', v_unknown[1])
            else format(
                '%s jobs: there are none such: %s%s', cardinality(v_unknown), array_to_string(v_unknown[: 10], ', '),
                case when cardinality(v_unknown) > 10 then ', ...' end
            )
        end
            using errcode = 'LH004',
                  detail = jsonb_build_object(
                      'job_id', job_id, 'waits_for', v_unknown[1], 'unknown', v_unknown[: 10], 'unknown_count', cardinality(v_unknown)
                  )::text,
                  hint = 'Submit what it waits for first, in this transaction or in one that has committed.';
    end if;
    doom := case
        when v_gone is not null and on_dependency_failure = 'cascade' then 'cancelled'
        when v_gone is not null or v_dead is not null then 'dead'
    end;
    doomed_by := coalesce(v_gone, v_dead)::uuid;
end
$_resolve_wait_for$;

comment on function _resolve_wait_for(uuid, uuid[], text, uuid[]) is
    'What wait_for means for job_id now: the edges it needs (null: none), and whether one that already ended dooms it to be dead or cancelled. '
    'Ids in known are taken for live. Raises LH004 for an unknown job and for itself.';
