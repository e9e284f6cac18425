create or replace function _park(ids uuid[], parked boolean)
returns void
language plpgsql
volatile
as $_park$
begin
    -- Deleted and written anew, as in _grant: who looks for work skips a locked row, but waits where he follows an updated one to its next version.
    with gone as (
        delete from only job as j where j.job_id = any (ids) returning j as whole
    )
    insert into job
    select n.*
    from gone as g
    cross join lateral jsonb_populate_record(g.whole, jsonb_build_object('parked', _park.parked)) as n;
end
$_park$;

comment on function _park(uuid[], boolean) is 'Takes ready jobs, whose locks the caller holds, out of the claim index, or lets them in.';
