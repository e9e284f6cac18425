create or replace function _retire_lanes(limit_lanes integer, now timestamptz, oldest xid8)
returns void
language plpgsql
volatile
as $_retire_lanes$
declare
    v_gone      text[];
    v_lane      record;
    v_again     jsonb;
begin
    if _snapshot_is_fixed() then
        return;
    end if;
    -- one statement: whether all those are over that may have put something into a lane, and what is there to be seen by then, belong together
    with due as materialized (
        select l.*
        from lane as l
        where l.retire_at <= _retire_lanes.now
        order by l.retire_at
        limit limit_lanes
        for update skip locked
    ), judged as materialized (
        select
            d.*,
            case
                when d.priority >= 0 then 'retire'
                -- ids that this server has not come to: noted on another one, before a restore
                when d.retired_by >= pg_snapshot_xmax(pg_current_snapshot()) or d.seen_by >= pg_snapshot_xmax(pg_current_snapshot()) then 'retire'
                when d.seen_by = '0' and d.retired_by < oldest then 'see'
                when d.seen_by > '0' and d.seen_by <= pg_snapshot_xmin(pg_current_snapshot()) then
                    case
                        when exists (
                            select from lane as o where o.next_need = d.next_need and o.priority = -1 - d.priority and (o.keyed or not d.keyed) offset 0
                        ) then 'drop'
                        when (
                            select r.number
                            from ready as r
                            where hashtextextended(r.next_need, r.priority::bigint) = hashtextextended(d.next_need, (-1 - d.priority)::bigint)
                                and r.next_need = d.next_need and r.priority = -1 - d.priority
                                and r.number >= coalesce((
                                    select k.numbers[array_position(k.priorities, (-1 - d.priority)::smallint)]
                                    from watermark as k
                                    where k.next_need = d.next_need and k.watermark_id < 4611686018427387904
                                    order by k.watermark_id desc
                                    limit 1
                                ), 0)
                            order by r.number
                            limit 1
                        ) is not null then 'open'
                        when (
                            -- in the order of the index of heads: another one could be walked for it
                            select h.number
                            from only job as h
                            where h.next_need = d.next_need and h.priority = -1 - d.priority
                                and h.state = 'ready' and not h.parked and h.singleton_key is not null
                            order by h.next_need, h.priority, h.number
                            limit 1
                        ) is not null then 'open'
                        else 'drop'
                    end
            end as act
        from due as d
    ), gone as (
        -- deleted and written anew, not updated: see _set_parked
        delete from lane as l
        using judged as j
        where l.number = any (array(select o.number from judged as o where o.act is not null)) and l.number = j.number
        returning j.*
    ), kept as (
        insert into lane (next_need, priority, keyed, stems, opened_at, number, retire_at, retired_by, seen_by)
        select
            j.next_need, least(j.priority, -1 - j.priority), j.keyed, j.stems,
            case j.act when 'retire' then _retire_lanes.now else j.opened_at end,
            j.number,
            case j.act when 'retire' then _retire_lanes.now + (j.retire_at - j.opened_at) else j.retire_at end,
            case j.act when 'retire' then pg_current_xact_id() else j.retired_by end,
            case j.act when 'see' then pg_current_xact_id() else '0' end
        from gone as j
        where j.act in ('retire', 'see')
    )
    select
        array_agg(distinct j.next_need) filter (where j.act = 'drop'),
        jsonb_agg(jsonb_build_object('need', j.next_need, 'priority', -1 - j.priority, 'keyed', j.keyed)) filter (where j.act = 'open')
    into v_gone, v_again
    from gone as j;

    for v_lane in
        select a.* from jsonb_to_recordset(v_again) as a (need text, priority smallint, keyed boolean)
    loop
        perform _open_lane(v_lane.need, v_lane.priority, v_lane.keyed, now);
    end loop;
    -- marks of needs of which no lane is left; who opens one beside this writes marks of its own
    if v_gone is not null then
        delete from watermark as k
        where k.ctid = any (
            array(
                select m.ctid
                from unnest(v_gone) as g (need)
                cross join lateral (select o.ctid from watermark as o where o.next_need = g.need for update skip locked) as m
                where not exists (select from lane as l where l.next_need = g.need offset 0)
            )
        );
    end if;
end
$_retire_lanes$;

comment on function _retire_lanes(integer, timestamptz, xid8) is
    'Retires lanes that were opened long enough ago, and removes those that were retired before, if nobody has opened them since and nothing is there. '
    'oldest: _oldest_snapshot(). Up to limit_lanes rows, each one step on: it is retired, so that submits no longer find it open; nobody has a snapshot '
    'any more that shows it open, and an id is taken; all older ids are over, so that what can be seen there is all there will ever be. Until then '
    'claims look there.';
