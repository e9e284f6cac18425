create or replace function _tell(ended uuid, ids uuid[], now timestamptz)
returns integer
language plpgsql
volatile
as $_tell$
declare
    v_mine  uuid[];
begin
    -- locks in the order of ids, none waited for
    select array_agg(d.job_id) into v_mine
    from (
        select j.job_id from only job as j where j.job_id = any (ids) order by j.job_id for no key update skip locked
    ) as d;
    insert into note (kind, job_id, waits_for)
    select 'edge', e.job_id, e.waits_for
    from edge as e
    where e.waits_for = ended and e.job_id = any (ids) and e.job_id <> all (coalesce(v_mine, '{}'));
    if v_mine is null then
        return 0;
    end if;
    return _try_apply(ended, _end_state(ended), v_mine, now);
end
$_tell$;

comment on function _tell(uuid, uuid[], timestamptz) is
    'Moves those of the given dependents that nobody holds, and leaves a note for each of the others. Returns how many entered the queue.';
