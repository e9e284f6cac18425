create or replace function _enqueue(ids uuid[], now timestamptz)
returns integer
language plpgsql
volatile
as $_enqueue$
declare
    v_late  job;
    v_ids   uuid[];
    v_needs text[];
    v_keys  text[];
    v_count integer;
    v_later text[];
    v_dues  timestamptz[];
    v_lanes jsonb;
    v_lane  record;
begin
    -- The clock is read while the locks are held. Maintenance does not look for jobs filed under times long past
    -- (_last_horizon).
    now := greatest(now, _now());
    for v_late in
        select j.* from only job as j
        where j.job_id = any (ids) and j.expires_at <= greatest(j.available_at, _enqueue.now)
        order by j.job_id
    loop
        perform _bury_expired(v_late, now);
        perform _defer_propagation(v_late.job_id);
    end loop;

    with entering as materialized (
        select
            j.job_id,
            j.available_at > _enqueue.now as later,
            j.singleton_key,
            j.next_need,
            j.priority,
            -- Of several jobs that enter at once, only the first of each key and need can be claimed.
            j.singleton_key is not null and (
                row_number() over (
                    partition by j.singleton_key, j.next_need
                    order by j.available_at > _enqueue.now, j.priority, j.available_at
                ) > 1
                or _key_is_busy(j.job_id, j.singleton_key, j.next_need, j.priority)
            ) as behind
        from only job as j
        where j.job_id = any (ids)
            and (j.expires_at is null or j.expires_at > greatest(j.available_at, _enqueue.now))
        order by j.available_at, j.number
    ), numbered as materialized (
        -- The watermarks rely on it that a number is drawn after the transaction has an id. The locks assigned the id.
        select e.*, case when not e.later then nextval('number_seq') end as number from entering as e
    ), gone as (
        -- Deleted and inserted again, not updated: see _set_parked.
        delete from only job as j
        using numbered as n
        where j.job_id = any (ids) and j.job_id = n.job_id
        returning
            j as whole,
            jsonb_build_object(
                'state', _entry_state(false, j.available_at, _enqueue.now),
                'number', coalesce(n.number, j.number),
                'parked', n.behind and not n.later
            ) as change
    ), moved as materialized (
        select w.* from gone as g cross join lateral jsonb_populate_record(g.whole, g.change) as w
    ), here as (
        insert into job select m.* from moved as m where m.state = 'scheduled' or m.singleton_key is not null
    ), there as (
        insert into ready select m.* from moved as m where m.state = 'ready' and m.singleton_key is null
    )
    select
        count(*),
        array_agg(m.job_id) filter (where m.state = 'ready' and not m.parked),
        array_agg(m.next_need) filter (where m.state = 'ready' and not m.parked),
        array_agg(distinct m.singleton_key) filter (where m.parked),
        array_agg(m.next_need) filter (where m.state = 'scheduled'),
        array_agg(m.available_at) filter (where m.state = 'scheduled'),
        jsonb_agg(distinct jsonb_build_object(
            'need', m.next_need, 'priority', m.priority, 'keyed', m.singleton_key is not null
        )) filter (where m.state = 'ready')
    into v_count, v_ids, v_needs, v_keys, v_later, v_dues, v_lanes
    from moved as m;

    if v_keys is not null then
        perform _defer_unpark(v_keys);
    end if;
    -- The jobs' lanes may have been retired since the jobs were submitted.
    for v_lane in
        select l.* from jsonb_to_recordset(v_lanes) as l (need text, priority smallint, keyed boolean)
    loop
        perform _open_lane(v_lane.need, v_lane.priority, v_lane.keyed, now);
    end loop;
    if v_needs is not null then
        perform _wake_for_jobs(v_ids, v_needs);
    end if;
    if v_later is not null then
        perform _wake_for_scheduled(v_later, v_dues);
    end if;
    return v_count;
end
$_enqueue$;

comment on function _enqueue(uuid[], timestamptz) is
    'Lets jobs that are already stored enter the queue, as scheduled or ready by their available_at; no other '
    'function does. They are numbered in the order of available_at, and parked if another job of their singleton key '
    'goes first. A job that could only start after its expires_at is buried as expired. The caller holds the jobs'' '
    'locks, and the jobs wait for nothing. Returns how many jobs entered.';
