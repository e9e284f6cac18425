create or replace function _run_contained_step(
    step text, limit_rows integer, since timestamptz, now timestamptz, among text[] default null
)
returns integer
language plpgsql
volatile
as $_run_contained_step$
declare
    v_subjects  text[];
    v_half      integer;
    v_count     integer;
    v_code      text;
    v_error     text;
begin
    begin
        -- Rows are locked in the subtransaction that changes them. Otherwise each row gets two lockers, hence a
        -- multixact, and its dead index entries stay.
        v_subjects := case
            when among is null then _lock_due(step, limit_rows, since, now)
            else _lock_still_due(step, among, now)
        end;
        if v_subjects is null then
            return 0;
        end if;
        v_count := _run_step(step, v_subjects, now);
        perform _clear_maintenance_error(step, v_subjects);
        return v_count;
    exception
        when others then
            if v_subjects is null or not _is_row_error(sqlstate) then
                raise;
            end if;
            v_code := sqlstate;
            v_error := sqlerrm;
    end;
    v_half := cardinality(v_subjects) / 2;
    if v_half = 0 then
        perform _set_aside(step, v_subjects[1], v_code, v_error, now);
        return 0;
    end if;
    -- halves of halves: a few subtransactions find the rows that fail
    return _run_contained_step(step, limit_rows, since, now, v_subjects[: v_half])
        + _run_contained_step(step, limit_rows, since, now, v_subjects[v_half + 1 :]);
end
$_run_contained_step$;

comment on function _run_contained_step(text, integer, timestamptz, timestamptz, text[]) is
    'Performs a step of maintenance on the rows that are due for it (_lock_due, _run_step): at most limit_rows, or, '
    'with among, those of these rows that are due. Returns the number of rows it succeeded for. A row for which the '
    'step raises an error is set aside and stops no other row. Raises only errors that no row can have caused '
    '(_is_row_error). Locks rows by skipping what is locked.';
