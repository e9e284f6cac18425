create or replace function _archive_completed(
    job_ids uuid[], lease_ids uuid[], results jsonb[], places bigint[], now timestamptz
)
returns settled[]
language plpgsql
volatile
as $_archive_completed$
declare
    v_answers   settled[];
    v_keys      text[];
    v_awaited   uuid[];
    v_key       text;
    v_id        uuid;
begin
    -- The statement of _archive_leased, for many jobs. One statement for both would cost a single job a tenth more. It
    -- has no join: a plan for a join that is made while the table is small would read the whole table from then on. The
    -- only index scan possible (bitmap scans are off) reads and locks the jobs in the order of their ids, and
    -- width_bucket finds what belongs to a job by its place. Each check for dependents is no newer than the job's lock,
    -- but the transaction got its id before the check (_archive_leased).
    with gone as (
        delete from leased as j
        where j.job_id = any (job_ids) and j.lease_id = lease_ids[width_bucket(j.job_id, job_ids)]
        returning j.*, width_bucket(j.job_id, job_ids) as nth
    ), kept as (
        insert into archive (
            job_id, submitted_at, available_at, ended_at, attempt, priority, crashes, cancel_requested, state,
            next_need, submitted_by, on_dependency_failure, payload, metadata, expires_at, singleton_key, options,
            fence, lease_id, worker_id, leased_at, answer, failure, result
        )
        select
            g.job_id, g.submitted_at, g.available_at, _archive_completed.now, g.attempt, g.priority, g.crashes,
            g.cancel_requested, 'succeeded', g.next_need, g.submitted_by, g.on_dependency_failure, g.payload,
            g.metadata, g.expires_at, g.singleton_key, g.options, g.fence, g.lease_id, g.worker_id, g.leased_at,
            g.answer, g.failure, results[g.nth]
        from gone as g
    )
    select
        array_agg(
            (g.job_id, g.lease_id, 'complete', true, 'succeeded', null, null, null, null, null, null, null)::settled
            order by places[g.nth]
        ),
        array_agg(g.singleton_key order by places[g.nth]) filter (where g.singleton_key is not null),
        array_agg(g.job_id order by places[g.nth])
            filter (where exists (select from dependency as e where e.waits_for = g.job_id))
    into v_answers, v_keys, v_awaited
    from gone as g;

    if v_keys is not null then
        foreach v_key in array v_keys loop
            perform _release_key(v_key, 'leased');
        end loop;
    end if;
    if v_awaited is not null then
        foreach v_id in array v_awaited loop
            perform _propagate_end(v_id);
        end loop;
    end if;
    return v_answers;
end
$_archive_completed$;

comment on function _archive_completed(uuid[], uuid[], jsonb[], bigint[], timestamptz) is
    'Ends those of these leases that are current as succeeded, as _archive_leased does with one. Returns an answer '
    'for each lease that it ended, in the order of places; null if none was current. job_ids are distinct and sorted, '
    'which is the order of the locks. For READ COMMITTED only. now is the result of _now_after_xid().';
