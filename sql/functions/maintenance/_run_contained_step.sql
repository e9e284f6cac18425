create or replace function _run_contained_step(step text, limit_rows integer, since timestamptz, now timestamptz, among text[] default null)
returns integer
language plpgsql
volatile
as $_run_contained_step$
declare
    v_due   text[];
    v_half  integer;
    v_count integer;
    v_code  text;
    v_error text;
begin
    begin
        -- locked in the subtransaction that changes them: otherwise each row gets two lockers, a multixact, and its dead index entries stay
        v_due := case when among is null then _lock_due(step, limit_rows, since, now) else _lock_still_due(step, among, now) end;
        if v_due is null then
            return 0;
        end if;
        v_count := _run_step(step, v_due, now);
        perform _clear_maintenance_error(step, v_due);
        return v_count;
    exception
        when others then
            if v_due is null or not _is_row_error(sqlstate) then
                raise;
            end if;
            v_code := sqlstate;
            v_error := sqlerrm;
    end;
    v_half := cardinality(v_due) / 2;
    if v_half = 0 then
        perform _set_aside(step, v_due[1], v_code, v_error, now);
        return 0;
    end if;
    -- halves of halves: the rows that fail are found by few subtransactions
    return _run_contained_step(step, limit_rows, since, now, v_due[: v_half]) + _run_contained_step(step, limit_rows, since, now, v_due[v_half + 1 :]);
end
$_run_contained_step$;

comment on function _run_contained_step(text, integer, timestamptz, timestamptz, text[]) is
    'Does a step of maintenance to the rows it is due for (_lock_due, _run_step), limit_rows at most; among: to '
    'these rows. Returns for how many. A row for which the step raises is set aside and stops no other. Raises what '
    'no row is to blame for (_is_row_error).';
