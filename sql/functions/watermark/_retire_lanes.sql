create or replace function _retire_lanes(limit_lanes integer, now timestamptz, oldest xid8)
returns void
language plpgsql
volatile
as $_retire_lanes$
declare
    v_dropped   text[];
    v_reopened  jsonb;
    v_lane      record;
begin
    if _snapshot_is_fixed() then
        return;
    end if;
    -- This is one statement, because its snapshot must show both which transactions have ended and what they left in
    -- the lane.
    with due as materialized (
        select l as lane
        from lane as l
        where l.retire_at <= _retire_lanes.now
        order by l.retire_at
        limit limit_lanes
        for update skip locked
    ), judged as materialized (
        select (d.lane).*, _retirement_step(d.lane, oldest) as step
        from due as d
    ), gone as (
        -- deleted and inserted again, not updated: see _set_parked
        delete from lane as l
        using judged as j
        where l.number = any (array(select o.number from judged as o where o.step is not null)) and l.number = j.number
        returning j.*
    ), kept as (
        insert into lane (next_need, priority, keyed, stems, opened_at, number, retire_at, retired_by, seen_by)
        select
            j.next_need, least(j.priority, -1 - j.priority), j.keyed, j.stems,
            case j.step when 'retire' then _retire_lanes.now else j.opened_at end,
            j.number,
            case j.step when 'retire' then _retire_lanes.now + (j.retire_at - j.opened_at) else j.retire_at end,
            case j.step when 'retire' then pg_current_xact_id() else j.retired_by end,
            case j.step when 'see' then pg_current_xact_id() else '0' end
        from gone as j
        where j.step in ('retire', 'see')
    )
    select
        array_agg(distinct j.next_need) filter (where j.step = 'drop'),
        jsonb_agg(
            jsonb_build_object('need', j.next_need, 'priority', _lane_priority(j.priority), 'keyed', j.keyed)
        ) filter (where j.step = 'open')
    into v_dropped, v_reopened
    from gone as j;

    for v_lane in
        select a.* from jsonb_to_recordset(v_reopened) as a (need text, priority smallint, keyed boolean)
    loop
        perform _open_lane(v_lane.need, v_lane.priority, v_lane.keyed, now);
    end loop;
    -- Watermarks of needs that have no lane left are removed. A transaction that opens a lane at the same time writes
    -- watermarks of its own.
    if v_dropped is not null then
        delete from watermark as k
        where k.ctid = any (
            array(
                select m.ctid
                from unnest(v_dropped) as g (need)
                cross join lateral (
                    select o.ctid from watermark as o where o.next_need = g.need for update skip locked
                ) as m
                where not exists (select from lane as l where l.next_need = g.need offset 0)
            )
        );
    end if;
end
$_retire_lanes$;

comment on function _retire_lanes(integer, timestamptz, xid8) is
    'Retires lanes that were opened long enough ago, and removes lanes that were retired before, unless they were '
    'opened again or jobs are left in them. Each of up to limit_lanes due lanes advances by one step '
    '(_retirement_step). First it is retired, so that submits no longer find it open. Once no session has a snapshot '
    'that shows it open (oldest: _oldest_snapshot()), a transaction id is taken. Once all older transactions have '
    'ended, everything that will ever be in the lane can be seen. Until then claims look there. Does nothing with a '
    'fixed snapshot. Locks: due lanes, and watermarks of needs without lanes, skipping locked rows.';
