create or replace function _set_parked(ids uuid[], parked boolean)
returns void
language plpgsql
volatile
as $_set_parked$
begin
    -- The rows are deleted and inserted again, as in _grant_leases. A claim skips a locked row, but it would wait if it
    -- followed an updated row to its next version.
    with gone as (
        delete from only job as j where j.job_id = any (ids) returning j as whole
    )
    insert into job
    select n.*
    from gone as g
    cross join lateral jsonb_populate_record(g.whole, jsonb_build_object('parked', _set_parked.parked)) as n;
end
$_set_parked$;

comment on function _set_parked(uuid[], boolean) is
    'Takes ready jobs, whose locks the caller holds, out of the claim index (parked), or puts them into it.';
