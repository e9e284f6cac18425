create or replace function _next_watermark(
    old_watermark watermark, need text, queue_position bigint, last_fence bigint, invalidated boolean, now timestamptz
)
returns watermark
language plpgsql
volatile
as $_next_watermark$
declare
    v_fixed         constant boolean := _snapshot_is_fixed();
    v_many_claims   constant boolean := not _few_claims_between(old_watermark.fence, last_fence);
    -- With a fixed snapshot this value may be outdated. Null keeps claims from going by the watermarks.
    v_max_lease     constant interval :=
        case when not v_fixed then _duration(_setting_value('max_lease')::interval) end;
    v_max_attempts  constant integer := _setting_value('max_attempts')::integer;
    v_passed        xid8;
    v_new           watermark;
begin
    -- A long transaction that may have nothing to do with jobs holds the horizon back. Locks are read only if claims
    -- have left dead entries behind.
    if v_many_claims and _horizon_passed(old_watermark.seen_by) is false and not v_fixed
        and _no_older_writers(old_watermark.seen_by)
    then
        v_passed := old_watermark.seen_by;
    end if;
    -- seen_number and seen_by are kept until they are proven. If each call replaced them, transactions that write one
    -- after the other, each for longer than that, would stop the watermarks. This is one statement, because its
    -- snapshot must show both which transactions have ended and what they wrote.
    select
        null::bigint, n.next_need, n.priorities, c.numbers, n.keyed,
        case
            when s.proven or s.unknown_id then coalesce(queue_position, old_watermark.seen_number)
            else old_watermark.seen_number
        end,
        case when not (s.proven or s.unknown_id) or queue_position is null then old_watermark.seen_by end,
        _next_watermark.now, last_fence, v_max_lease, v_max_attempts
    into v_new
    from (
        select o.next_need, array_agg(distinct o.priority order by o.priority) as priorities, bool_or(o.keyed) as keyed
        from (
            select l.next_need, _lane_priority(l.priority) as priority, l.keyed from lane as l where l.next_need = need
        ) as o
        group by o.next_need
    ) as n
    cross join lateral (
        select
            coalesce(_horizon_passed(old_watermark.seen_by) or old_watermark.seen_by = v_passed, false) as proven,
            -- recorded on another server, before a restore
            _horizon_passed(old_watermark.seen_by) is null as unknown_id
    ) as s
    cross join lateral (
        select
            array_agg(
                case
                    when s.proven then least(
                        old_watermark.seen_number + 1,
                        (
                            select j.number
                            from ready as j
                            where _in_lane(j.next_need, j.priority, n.next_need, o.priority)
                                and j.number between o.number and old_watermark.seen_number
                            order by j.number
                            limit 1
                        )
                    )
                    else o.number
                end
                order by o.priority
            ) as numbers
        from (
            select
                p.priority,
                coalesce(old_watermark.numbers[array_position(old_watermark.priorities, p.priority)], 0) as number
            from unnest(n.priorities) as p (priority)
        ) as o
    ) as c
    where (invalidated or v_many_claims or not _is_recent(old_watermark.noted_at, _next_watermark.now))
        -- an idle need writes nothing
        and (
            invalidated or v_many_claims
            or n.priorities <> old_watermark.priorities or n.keyed <> old_watermark.keyed
            or c.numbers <> old_watermark.numbers or old_watermark.seen_number <> queue_position
            or not v_fixed
            and (old_watermark.max_lease, old_watermark.max_attempts) is distinct from (v_max_lease, v_max_attempts)
        );
    return v_new;
end
$_next_watermark$;

comment on function _next_watermark(watermark, text, bigint, bigint, boolean, timestamptz) is
    'The watermarks that follow the old ones of a need; seen_by is null if it is to be the id of this transaction. '
    'Null if nothing is to be written: they were recorded in the last 20 ms, or the need is idle. The watermark of a '
    'lane is its first ready number, but at most seen_number + 1. It advances once all transactions older than '
    'seen_by have ended: every ready number up to seen_number can then be seen. invalidated: whether a lane was '
    'opened or a setting changed. Locks nothing.';
