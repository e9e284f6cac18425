create or replace function _open_lane(next_need text, priority smallint, now timestamptz)
returns void
language plpgsql
volatile
as $_open_lane$
begin
    if not exists (select from lane as l where l.next_need = _open_lane.next_need and l.priority = _open_lane.priority) then
        insert into lane (next_need, priority, stems, opened_at)
        values (_open_lane.next_need, _open_lane.priority, _stems(_open_lane.next_need), _open_lane.now);
        insert into mark (next_need, priority, number, seen_number, seen_by, noted_at)
        values (_open_lane.next_need, _open_lane.priority, 0, 0, '0', _open_lane.now);
    end if;
end
$_open_lane$;

comment on function _open_lane(text, smallint, timestamptz) is
    'Sees to it that the need and priority of a job are known before it is. To be called by whoever gives a job either.';
