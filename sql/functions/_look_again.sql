create or replace function _look_again(job_id uuid, waits_for uuid, now timestamptz)
returns integer
language plpgsql
volatile
as $_look_again$
declare
    v_ended record;
    v_freed integer := 0;
begin
    if waits_for is not null then
        return _apply(waits_for, _end_state(waits_for), array[job_id], now);
    end if;
    for v_ended in
        select s.waits_for, s.end_state
        from (
            select e.waits_for, _end_state(e.waits_for) as end_state from edge as e where e.job_id = _look_again.job_id
        ) as s
        where s.end_state is not null
        order by s.waits_for
    loop
        v_freed := v_freed + _apply(v_ended.waits_for, v_ended.end_state, array[job_id], now);
    end loop;
    -- nothing is left that could free it: its last edge went unseen by an old look
    if exists (select from only job as j where j.job_id = _look_again.job_id and j.state = 'blocked')
        and not exists (select from edge as e where e.job_id = _look_again.job_id) then
        v_freed := v_freed + _enqueue(array[job_id], now);
    end if;
    return v_freed;
end
$_look_again$;

comment on function _look_again(uuid, uuid, timestamptz) is
    'Looks whether what a job waits for (waits_for; null: all of it) has ended, and acts on it. The caller holds the lock of job_id.';
