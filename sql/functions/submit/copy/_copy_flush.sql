create or replace function _copy_flush(view oid)
returns void
language plpgsql
volatile
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $_copy_flush$
declare
    v_name          constant text := 'leasehold.load_' || view;
    v_gathered      constant integer := coalesce(nullif(current_setting(v_name, true), ''), '0')::integer;
    v_needs         text[];
    v_payloads      jsonb[];
    v_priorities    integer[];
    v_request       _request;
    v_now           timestamptz;
begin
    if v_gathered = 0 then
        return;
    end if;
    select
        array_agg(split_part(g.row, e'\n', 1)), array_agg(split_part(g.row, e'\n', 3)::jsonb),
        array_agg(split_part(g.row, e'\n', 2)::integer)
    into v_needs, v_payloads, v_priorities
    from (
        select current_setting(v_name || '_' || n.at, true) as row
        from generate_series(0, v_gathered - 1) as n (at)
        offset 0
    ) as g;
    -- The rows were checked when they were gathered, but anybody can write the settings that hold them. The rest of a
    -- need is checked when its lane is opened.
    for v_request.next_need, v_request.payload, v_request.priority in
        select r.next_need, r.payload, r.priority
        from unnest(v_needs, v_payloads, v_priorities) as r (next_need, payload, priority)
        where (
            octet_length(r.next_need) <= 200 and _is_plain_job(r.payload, octet_length(r.payload::text), r.priority)
        ) is not true
    loop
        perform _check_submit(_fill_defaults(v_request), 'submission.');
    end loop;

    v_now := _now_after_xid();
    perform _insert_plain_jobs(
        array(select _uuid_v7(v_now) from generate_series(1, v_gathered)), v_needs, v_payloads, v_priorities, v_now
    );
    perform set_config(v_name, '0', true);
end
$_copy_flush$;

comment on function _copy_flush(oid) is
    'Writes the rows of the view submission that _copy_row has gathered in settings. Raises LH010 or LH011 for rows '
    'that another function put there.';
