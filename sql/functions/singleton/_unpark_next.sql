create or replace function _unpark_next(singleton_key text)
returns boolean
language plpgsql
volatile
as $_unpark_next$
declare
    v_need      text := '';
    v_head      record;
    v_taken     uuid;
    v_priority  smallint;
    v_done      boolean := true;
begin
    -- Another session holds the lock of this key. It may or may not unpark the next job.
    if _try_lock_keys(array[singleton_key]) = '{}' then
        return false;
    end if;
    if exists (select from leased as l where l.singleton_key = _unpark_next.singleton_key) then
        -- The end of that lease unparks the next job. With a fixed snapshot, that lease may have ended already.
        return not _snapshot_is_fixed();
    end if;
    loop
        select j.job_id, j.next_need, j.priority, j.number into v_head
        from only job as j
        where j.singleton_key = _unpark_next.singleton_key and j.state = 'ready' and j.parked and j.next_need > v_need
        order by j.next_need, j.priority, j.number
        limit 1;
        exit when not found;
        v_need := v_head.next_need;
        continue when exists (
            select from only job as j
            where j.singleton_key = _unpark_next.singleton_key and j.state = 'ready' and not j.parked
                and j.next_need = v_need and (j.priority, j.number) < (v_head.priority, v_head.number)
        );
        -- A head that another transaction has locked is skipped, and the next job of the need goes first.
        select j.job_id, j.priority into v_taken, v_priority
        from only job as j
        where j.singleton_key = _unpark_next.singleton_key and j.state = 'ready' and j.parked and j.next_need = v_need
        order by j.priority, j.number
        limit 1
        for no key update skip locked;
        if found then
            perform _set_parked(array[v_taken], false);
            -- The job's lane may have been retired since the job was submitted.
            perform _open_lane(v_need, v_priority, true, _now());
            perform _wake_for_jobs(array[v_taken], array[v_need]);
        else
            v_done := false;
        end if;
    end loop;
    return v_done;
end
$_unpark_next$;

comment on function _unpark_next(text) is
    'Puts the first parked job of a free singleton key, one for each need, into the claim index. Tries the key''s '
    'lock (_try_lock_keys) and waits for nothing. Returns false if the key has to be looked at again.';
