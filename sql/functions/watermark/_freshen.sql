create or replace function _freshen(need text, now timestamptz)
returns boolean
language plpgsql
volatile
as $_freshen$
declare
    v_fresh     boolean;
    v_seen      bigint;
    v_tended    boolean;
begin
    select k.noted_at between _freshen.now - interval '20 ms' and _freshen.now and k.fence + 50 >= pg_sequence_last_value('fence_seq') into v_fresh
    from mark as k
    where k.next_need = need
        -- above READ COMMITTED claims read the lanes themselves, and a move cannot remove what a lane that was opened has left
        and k.mark_id < case when _isolated() then 4611686018427387904 else 9223372036854775807 end
    order by k.mark_id desc
    limit 1;
    if v_fresh then
        return false;
    end if;
    -- while this transaction has no id of its own: notes and marks want that (_work_notes, _move_marks)
    v_seen := _last_number();
    v_tended := _tend_by_the_way(now);
    perform _move_marks(array[need], now, v_seen);
    return v_tended;
end
$_freshen$;

comment on function _freshen(text, timestamptz) is
    'What is to be done where marks of a need are not fresh: the upkeep that is due, and moving them. Whether upkeep was done.';
