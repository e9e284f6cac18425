create or replace function _drop_moot_rechecks(items bigint[])
returns integer
language plpgsql
volatile
as $_drop_moot_rechecks$
declare
    v_count integer;
begin
    -- all of them in one statement: after an end that many jobs waited for, most of them are moot
    delete from deferred as n
    where n.deferred_id = any (items) and n.kind = 'recheck' and n.tries = 0
        -- offset: one probe for each item; a join could become one over all jobs
        and not exists (select from dependency as e where e.job_id = n.job_id offset 0)
        and not exists (select from only job as j where j.job_id = n.job_id and j.state || '' = 'blocked' offset 0);
    get diagnostics v_count = row_count;
    return v_count;
end
$_drop_moot_rechecks$;

comment on function _drop_moot_rechecks(bigint[]) is
    'Of these deferred items, whose locks the caller holds, removes those of kind recheck whose job is no longer '
    'blocked: whatever makes it wait again leaves another item. Returns how many it removed.';
