create or replace function _filter_claimable(ids uuid[], chosen uuid[], now timestamptz)
returns uuid[]
language plpgsql
volatile
as $_filter_claimable$
declare
    v_late      uuid[];
    v_locked    text[];
    v_busy      text[];
    v_parked    uuid[];
begin
    select array_agg(j.job_id) into v_late
    from job as j
    where j.job_id = any (ids) and j.expires_at <= _filter_claimable.now;
    if v_late is not null then
        perform _run_contained_step('expire', cardinality(v_late), null, now, v_late::text[]);
        ids := array(
            select i.id from unnest(ids) with ordinality as i (id, at) where i.id <> all (v_late) order by i.at
        );
    end if;

    -- The lock of a key that is leased is not taken, because this transaction would hold it until it ends. The heads of
    -- such a key are parked without the lock, with a deferred item in case the lease is ending at this moment.
    select array_agg(j.job_id), array_agg(distinct j.singleton_key) into v_parked, v_busy
    from only job as j
    where j.job_id = any (ids) and exists (
            -- offset makes this a lookup for each job, where the planner might join all leases
            select from leased as l where l.singleton_key = j.singleton_key offset 0
        );
    if v_parked is not null then
        perform _set_parked(v_parked, true);
        perform _defer_unpark(v_busy);
        ids := array(
            select i.id from unnest(ids) with ordinality as i (id, at) where i.id <> all (v_parked) order by i.at
        );
    end if;

    -- The locks of the keys are taken first ...
    v_locked := _try_lock_keys(array(
        select distinct j.singleton_key from only job as j where j.job_id = any (ids) and j.singleton_key is not null
    ));
    -- ... and the leases are read again, in a statement that begins after the locks are held.
    select array_agg(b.singleton_key) into v_busy
    from (
        select v.key as singleton_key
        from unnest(v_locked) as v (key)
        where exists (select from leased as l where l.singleton_key = v.key offset 0)
        union all
        select j.singleton_key from only job as j where j.singleton_key = any (v_locked) and j.job_id = any (chosen)
    ) as b;

    -- A job behind a lease of its key, or behind the first job of its key in this batch, is parked until that lease
    -- ends.
    with keyed as (
        select
            j.job_id,
            j.singleton_key = any (v_busy) is true
            or row_number() over (partition by j.singleton_key order by i.ordinality) > 1 as behind
        from unnest(ids) with ordinality as i (job_id, ordinality)
        cross join lateral (select o.job_id, o.singleton_key from only job as o where o.job_id = i.job_id limit 1) as j
        where j.singleton_key = any (v_locked)
    )
    select array_agg(k.job_id) into v_parked from keyed as k where k.behind;
    if v_parked is not null then
        perform _set_parked(v_parked, true);
    end if;

    return array(
        select i.job_id
        from unnest(ids) with ordinality as i (job_id, ordinality)
        left join lateral (select o.singleton_key from only job as o where o.job_id = i.job_id limit 1) as j on true
        where (j.singleton_key is null or j.singleton_key = any (v_locked))
            and i.job_id <> all (coalesce(v_parked, '{}'))
        order by i.ordinality
    );
end
$_filter_claimable$;

comment on function _filter_claimable(uuid[], uuid[], timestamptz) is
    'Of these jobs, whose rows the caller has locked, the ones that may be leased, in order. Of a singleton key it is '
    'one job, under the lock of the key (_try_lock_keys), if no job of the key is leased or was chosen before by this '
    'call. Other jobs of such a key are parked. Jobs whose key cannot be locked are passed by, and jobs that may not '
    'start any more are buried as expired.';
