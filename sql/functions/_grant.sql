create or replace function _grant(ids uuid[], worker_id text, lease interval)
returns setof work
language plpgsql
volatile
as $_grant$
begin
    return query
    select c.*
    from _claim(null, ids, worker_id, lease) as c
    join unnest(ids) with ordinality as i (job_id, place) on i.job_id = c.job_id
    order by i.place;
end
$_grant$;

comment on function _grant(uuid[], text, interval) is 'Leases jobs whose locks (and keys) the caller holds, and returns them in the order of ids.';
