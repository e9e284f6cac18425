create or replace function _tell(ended uuid, ids uuid[], now timestamptz)
returns integer
language plpgsql
volatile
as $_tell$
declare
    v_mine  uuid[];
    v_half  constant integer := cardinality(ids) / 2;
    v_code  text;
    v_error text;
begin
    begin
        -- locks in the order of ids, none waited for; in the subtransaction that changes the rows, as in _maintain
        select array_agg(d.job_id) into v_mine
        from (
            select j.job_id from only job as j where j.job_id = any (ids) order by j.job_id for no key update skip locked
        ) as d;
        insert into note (kind, job_id, waits_for)
        select 'edge', e.job_id, e.waits_for
        from edge as e
        where e.waits_for = ended and e.job_id = any (ids) and e.job_id <> all (coalesce(v_mine, '{}'));
        if v_mine is null then
            return 0;
        end if;
        return _apply(ended, _end_state(ended), v_mine, now);
    exception
        when others then
            if not _is_of_a_row(sqlstate) then
                raise;
            end if;
            v_code := sqlstate;
            v_error := sqlerrm;
    end;
    if v_half = 0 then
        insert into note (kind, job_id, waits_for, tries, look_at)
        values ('edge', ids[1], ended, 1, _set_aside('deferred', ids[1]::text, v_code, v_error, now));
        return 0;
    end if;
    -- halves of halves, as in _maintain
    return _tell(ended, ids[: v_half], now) + _tell(ended, ids[v_half + 1 :], now);
end
$_tell$;

comment on function _tell(uuid, uuid[], timestamptz) is
    'Moves those of the given dependents that nobody holds, and leaves a note for each of the others, and for one '
    'that cannot be moved: that does not keep what it waited for from ending. Returns how many entered the queue.';
