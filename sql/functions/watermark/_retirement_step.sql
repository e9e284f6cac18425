create or replace function _retirement_step(lane lane, oldest xid8)
returns text
language plpgsql
stable
as $_retirement_step$
declare
    v_priority  constant smallint := _lane_priority(lane.priority);
begin
    if lane.priority >= 0 then
        return 'retire';
    end if;
    -- The ids are of another server: they were recorded before a restore.
    if _horizon_passed(lane.retired_by) is null or _horizon_passed(lane.seen_by) is null then
        return 'retire';
    end if;
    if lane.seen_by = '0' then
        return case when lane.retired_by < oldest then 'see' end;
    end if;
    if not _horizon_passed(lane.seen_by) then
        return null;
    end if;
    if exists (
        select from lane as o
        where o.next_need = lane.next_need and o.priority = v_priority and (o.keyed or not lane.keyed)
    ) then
        return 'drop';
    end if;
    if (
        select r.number
        from ready as r
        where _in_lane(r.next_need, r.priority, lane.next_need, v_priority)
            and r.number >= coalesce((
                select k.numbers[array_position(k.priorities, v_priority)]
                from watermark as k
                where k.next_need = lane.next_need and k.watermark_id < _first_invalidation_id()
                order by k.watermark_id desc
                limit 1
            ), 0)
        order by r.number
        limit 1
    ) is not null then
        return 'open';
    end if;
    if (
        -- This order is that of job_ready_head_idx. With another one the planner might walk another index.
        select h.number
        from only job as h
        where h.next_need = lane.next_need and h.priority = v_priority
            and _is_ready_head(h.state, h.parked, h.singleton_key)
        order by h.next_need, h.priority, h.number
        limit 1
    ) is not null then
        return 'open';
    end if;
    return 'drop';
end
$_retirement_step$;

comment on function _retirement_step(lane, xid8) is
    'What _retire_lanes does with a lane that is due. retire: it is open, or its transaction ids are of another '
    'server. see: no session has a snapshot that shows it open (oldest: _oldest_snapshot()), so an id is taken. open: '
    'all transactions older than that id have ended, and a job is left in the lane. drop: nothing is left in it, or '
    'it was opened again. Null: not yet. Stable, so that it asks with the snapshot of the calling statement: which '
    'transactions have ended, and what can be seen in the lane, belong together.';
