create or replace function _maintain(step text, subjects text[], now timestamptz)
returns integer
language plpgsql
volatile
as $_maintain$
declare
    v_count integer;
    v_half  constant integer := cardinality(subjects) / 2;
    v_code  text;
    v_error text;
begin
    if subjects is null then
        return 0;
    end if;
    begin
        v_count := _run_step(step, subjects, now);
        perform _forget_error(step, subjects);
        return v_count;
    exception
        when others then
            if not _is_of_a_row(sqlstate) then
                raise;
            end if;
            v_code := sqlstate;
            v_error := sqlerrm;
    end;
    if v_half = 0 then
        perform _set_aside(step, subjects[1], v_code, v_error, now);
        return 0;
    end if;
    -- halves of halves: the rows that fail are found by few subtransactions
    return _maintain(step, subjects[: v_half], now) + _maintain(step, subjects[v_half + 1 :], now);
end
$_maintain$;

comment on function _maintain(text, text[], timestamptz) is
    'Runs a step of maintenance (_run_step) for rows whose locks the caller holds, and returns for how many. A row for which it raises is set aside and stops '
    'no other. Raises what no row is to blame for (_is_of_a_row). Null: none.';
