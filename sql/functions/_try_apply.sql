create or replace function _try_apply(waited_for uuid, end_state text, ids uuid[], now timestamptz)
returns integer
language plpgsql
volatile
as $_try_apply$
declare
    v_half  constant integer := cardinality(ids) / 2;
    v_code  text;
    v_error text;
begin
    begin
        return _apply(waited_for, end_state, ids, now);
    exception
        when others then
            if not _is_of_a_row(sqlstate) then
                raise;
            end if;
            v_code := sqlstate;
            v_error := sqlerrm;
    end;
    if v_half = 0 then
        insert into note (kind, job_id, waits_for, look_at)
        values ('edge', ids[1], waited_for, _set_aside('deferred', ids[1]::text, v_code, v_error, now));
        return 0;
    end if;
    -- halves of halves, as _maintain
    return _try_apply(waited_for, end_state, ids[: v_half], now) + _try_apply(waited_for, end_state, ids[v_half + 1 :], now);
end
$_try_apply$;

comment on function _try_apply(uuid, text, uuid[], timestamptz) is
    '_apply, which a dependent that cannot be moved does not stop: it gets a note for later, and the end of what it waited for stands.';
