create or replace function _load_one(next_need text, payload jsonb, priority integer)
returns uuid
language plpgsql
volatile
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $_load_one$
declare
    v_now   constant timestamptz := _now_in_order();
    v_id    constant uuid := _uuid_v7(v_now);
begin
    perform _insert_plain(array[v_id], array[next_need], array[payload], array[priority], v_now);
    return v_id;
end
$_load_one$;

comment on function _load_one(text, jsonb, integer) is
    'Writes a plain row of submission, and says which job it is. Pins what _load_row, called for every row of a COPY, does not.';
