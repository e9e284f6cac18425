create or replace function _load_gathered(view oid)
returns void
language plpgsql
volatile
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $_load_gathered$
declare
    v_name      constant text := 'leasehold.load_' || view;
    v_gathered  constant integer := coalesce(nullif(current_setting(v_name, true), ''), '0')::integer;
    v_now       timestamptz;
    v_requests  _request[];
    v_ids       uuid[];
begin
    if v_gathered = 0 then
        return;
    end if;
    v_requests := array(
        select
            (
                split_part(g.row, e'\n', 1), split_part(g.row, e'\n', 3)::jsonb, null, '{}', null, null, split_part(g.row, e'\n', 2)::integer, null,
                null, null, null, 'hold', '{}', null
            )::_request
        from (select current_setting(v_name || '_' || n.at, true) as row from generate_series(0, v_gathered - 1) as n (at) offset 0) as g
    );
    -- They were, when they were gathered: but what is in a setting may be anybody's. Needs are looked at where their lane is.
    perform _check_submit(r, 'submission.')
    from unnest(v_requests) as r
    where (
        octet_length(r.next_need) <= 200 and _is_plain(r.payload, octet_length(r.payload::text), r.priority, r.on_dependency_failure, r.metadata)
    ) is not true;

    v_now := _now_in_order();
    v_ids := array(select _uuid_v7(v_now) from generate_series(1, v_gathered));
    perform _insert_many(v_requests, v_ids, null, null, null, v_now);
    perform set_config(v_name, '0', true);
end
$_load_gathered$;

comment on function _load_gathered(oid) is
    'Writes the rows of the view submission that were gathered, under the names that _load_row gives them. Raises LH010, LH011 for rows that somebody '
    'slipped in.';
