create or replace function _open_lane(next_need text, priority smallint, keyed boolean, now timestamptz)
returns void
language plpgsql
volatile
as $_open_lane$
begin
    if exists (
        select from lane as l
        where l.next_need = _open_lane.next_need and l.priority = _open_lane.priority and (l.keyed or not _open_lane.keyed)
    ) then
        return;
    end if;
    perform _check_need('next_need', next_need);
    insert into lane (next_need, priority, keyed, stems, opened_at, retire_at)
    select
        _open_lane.next_need, _open_lane.priority, _open_lane.keyed, _stems(_open_lane.next_need), _open_lane.now,
        -- one that is used again while it is being retired stays twice as long: what is in steady use is opened once a day
        _open_lane.now + least(greatest(2 * max(l.retire_at - l.opened_at), interval '10 minutes'), interval '1 day')
    from lane as l
    where l.next_need = _open_lane.next_need and l.priority = -1 - _open_lane.priority;
    -- Claims go by the newest marks of a need: the next one is to look at all its lanes, and whether there are keys. In the last place, for marks that are
    -- moved while this transaction is open come after it, and do not know of it.
    insert into watermark (watermark_id, next_need, priorities, numbers, keyed, seen_number, seen_by, noted_at, max_lease, max_attempts)
    overriding system value
    select
        _invalidation_id(), _open_lane.next_need, case when m.priorities @> array[_open_lane.priority] then m.priorities else m.priorities || _open_lane.priority end,
        case when m.priorities @> array[_open_lane.priority] then m.numbers else m.numbers || 0::bigint end, true, m.seen_number, m.seen_by, '-infinity',
        m.max_lease, m.max_attempts
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
    ) as m;
end
$_open_lane$;

comment on function _open_lane(text, smallint, boolean, timestamptz) is
    'Sees to it that the need and priority of a job are known before it is, and that some there have a singleton_key (keyed): the one way in for a name, so '
    'nothing that is not a need gets past it (LH010). To be called by whoever gives a job any of these, or makes it ready: lanes are retired.';
