create or replace function _drop_moot_rechecks(notes bigint[])
returns integer
language plpgsql
volatile
as $_drop_moot_rechecks$
declare
    v_count integer;
begin
    -- all of them in one statement: after an end that many waited for, most are so
    delete from deferred as n
    where n.deferred_id = any (notes) and n.kind = 'recheck' and n.tries = 0
        -- offset: a look for each, where a join could become one over all jobs
        and not exists (select from dependency as e where e.job_id = n.job_id offset 0)
        and not exists (select from only job as j where j.job_id = n.job_id and j.state || '' = 'blocked' offset 0);
    get diagnostics v_count = row_count;
    return v_count;
end
$_drop_moot_rechecks$;

comment on function _drop_moot_rechecks(bigint[]) is
    'Drops those of these notes, whose locks the caller holds, that say that a job was just submitted behind others, '
    'where it has been freed since: whoever lets it wait again leaves another. Returns how many.';
