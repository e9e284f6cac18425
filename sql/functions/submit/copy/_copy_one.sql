create or replace function _copy_one(next_need text, payload jsonb, priority integer)
returns uuid
language plpgsql
volatile
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $_copy_one$
declare
    v_now   constant timestamptz := _now_after_xid();
    v_id    constant uuid := _uuid_v7(v_now);
begin
    perform _insert_plain_jobs(array[v_id], array[next_need], array[payload], array[priority], v_now);
    return v_id;
end
$_copy_one$;

comment on function _copy_one(text, jsonb, integer) is
    'Writes a plain row of submission, and says which job it is. Pins what _copy_row, called for every row of a COPY, does not.';
