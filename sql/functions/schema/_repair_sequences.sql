create or replace function _repair_sequences(schema_name text)
returns text
language plpgsql
volatile
as $_repair_sequences$
declare
    v_names text;
    v_lane  record;
begin
    if not exists (select from _lagging_sequences(schema_name, false)) then
        return null;
    end if;
    -- No other transaction may be at work: one that uses old watermarks would derive new ones from them.
    lock table job, heartbeat, archive, lane, watermark, lane_cache, lane_cache_rest, lookahead, maintenance_horizon
        in access exclusive mode;
    select string_agg(l.name, ', ' order by l.name) into v_names
    from _lagging_sequences(schema_name, true) as l
    cross join lateral setval(format('%I.%I', schema_name, l.name)::regclass, l.number) as s;

    -- Jobs submitted in the meantime have numbers below the watermarks, so all watermarks begin again. What was proven
    -- by the transaction ids of another server does not hold here and is discarded as well.
    delete from lane_cache;
    delete from lookahead;
    delete from lane_cache_rest;
    delete from maintenance_horizon;
    delete from watermark;
    update lane
    set
        priority = _lane_priority(priority), retired_by = '0', seen_by = '0', opened_at = _now(),
        retire_at = _now() + interval '10 minutes';
    insert into watermark (next_need, priorities, numbers, keyed, seen_number, seen_by, noted_at)
    select
        l.next_need, array_agg(distinct l.priority),
        array_fill(0::bigint, array[count(distinct l.priority)::integer]), true, 0, '0', '-infinity'
    from lane as l
    group by l.next_need;
    for v_lane in
        select j.next_need, j.priority, bool_or(j.singleton_key is not null) as keyed
        from job as j
        group by j.next_need, j.priority
    loop
        perform _open_lane(v_lane.next_need, v_lane.priority, v_lane.keyed, _now());
    end loop;
    return v_names;
end
$_repair_sequences$;

comment on function _repair_sequences(text) is
    'Called by the installer: if sequences lag behind their tables, sets them, lets all watermarks begin again, and '
    'opens the lanes of all jobs. Returns the names of the sequences; returns null, after reading only small tables '
    'and indexes, if none lags. Locks: all tables of jobs and watermarks in ACCESS EXCLUSIVE mode, so it waits until '
    'no transaction uses them.';
