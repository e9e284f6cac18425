create or replace function _propagate_to(ended uuid, ids uuid[], now timestamptz)
returns integer
language plpgsql
volatile
as $_propagate_to$
declare
    v_mine  uuid[];
    v_half  constant integer := cardinality(ids) / 2;
    v_code  text;
    v_error text;
begin
    begin
        -- Locks in the order of ids and skips locked rows. The subtransaction that changes the rows also locks them, as
        -- in _run_contained_step.
        select array_agg(d.job_id) into v_mine
        from (
            select j.job_id
            from only job as j
            where j.job_id = any (ids)
            order by j.job_id
            for no key update skip locked
        ) as d;
        insert into deferred (kind, job_id, waits_for)
        select 'dependency', e.job_id, e.waits_for
        from dependency as e
        where e.waits_for = ended and e.job_id = any (ids) and e.job_id <> all (coalesce(v_mine, '{}'));
        if v_mine is null then
            return 0;
        end if;
        return _apply_dependency_policy(ended, _ended_as(ended), v_mine, now);
    exception
        when others then
            if not _is_row_error(sqlstate) then
                raise;
            end if;
            v_code := sqlstate;
            v_error := sqlerrm;
    end;
    if v_half = 0 then
        insert into deferred (kind, job_id, waits_for, tries, due_at)
        values ('dependency', ids[1], ended, 1, _set_aside('deferred', ids[1]::text, v_code, v_error, now));
        return 0;
    end if;
    -- Retries with each half, as in _run_contained_step.
    return _propagate_to(ended, ids[: v_half], now) + _propagate_to(ended, ids[v_half + 1 :], now);
end
$_propagate_to$;

comment on function _propagate_to(uuid, uuid[], timestamptz) is
    'Applies the end of a job to those of the given dependents that no other transaction has locked. Leaves a '
    'deferred item for each of the others, and for a dependent whose change raises an error, so that this does not '
    'keep the job from ending. Returns how many entered the queue.';
