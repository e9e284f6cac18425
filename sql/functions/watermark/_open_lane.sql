create or replace function _open_lane(next_need text, priority smallint, keyed boolean, now timestamptz)
returns void
language plpgsql
volatile
as $_open_lane$
begin
    if exists (
        select from lane as l
        where l.next_need = _open_lane.next_need and l.priority = _open_lane.priority
            and (l.keyed or not _open_lane.keyed)
    ) then
        return;
    end if;
    perform _check_need('next_need', next_need);
    insert into lane (next_need, priority, keyed, stems, opened_at, retire_at)
    select
        _open_lane.next_need, _open_lane.priority, _open_lane.keyed, _stems(_open_lane.next_need), _open_lane.now,
        -- A lane that is used again while it is being retired stays twice as long. One in steady use is thus opened
        -- once a day.
        _open_lane.now
        + least(greatest(2 * max(l.retire_at - l.opened_at), interval '10 minutes'), interval '1 day')
    from lane as l
    where l.next_need = _open_lane.next_need and l.priority = -1 - _open_lane.priority;
    -- Claims go by the newest watermark row of a need. This one makes the next claim read all lanes of the need, and
    -- whether they have keys. Its id is greater than that of all others: watermarks that are advanced while this
    -- transaction is open are written after it, and do not know of the lane.
    insert into watermark (
        watermark_id, next_need, priorities, numbers, keyed, seen_number, seen_by, noted_at, max_lease, max_attempts
    )
    overriding system value
    select
        _invalidation_id(), _open_lane.next_need,
        case when m.known then m.priorities else m.priorities || _open_lane.priority end,
        case when m.known then m.numbers else m.numbers || 0::bigint end,
        true, m.seen_number, m.seen_by, '-infinity', m.max_lease, m.max_attempts
    from (
        select o.*, o.priorities @> array[_open_lane.priority] as known
        from (
            (
                select 1 as place, k.priorities, k.numbers, k.seen_number, k.seen_by, k.max_lease, k.max_attempts
                from watermark as k
                where k.next_need = _open_lane.next_need
                order by k.watermark_id desc
                limit 1
            )
            union all
            select 2, '{}', '{}', 0, '0', null, null
            order by place
            limit 1
        ) as o
    ) as m;
end
$_open_lane$;

comment on function _open_lane(text, smallint, boolean, timestamptz) is
    'Makes the need and priority of a job known before the job is, and, if keyed, that jobs there have a '
    'singleton_key. Every name enters the system here, so that nothing that is not a need gets in. Called by '
    'everything that gives a job any of these or makes it ready, because lanes are retired. Raises LH010.';
