create or replace function _reserve_ids(requests _request[], firsts uuid[])
returns void
language plpgsql
volatile
as $_reserve_ids$
declare
    v_given constant uuid[] := array(
        select r.job_id
        from unnest(requests) with ordinality as r
        where r.job_id is not null and firsts[r.ordinality] is null
        order by r.job_id, r.ordinality
    );
    v_taken uuid[];
    v_left  uuid[];
    v_twice uuid[] := array[]::uuid[];
begin
    if v_given = '{}' then
        return;
    end if;
    -- in the order of the ids: two batches that share some must not wait for each other in a cycle
    with taken as (
        insert into given_id (job_id)
        select g.id from unnest(v_given) as g (id)
        on conflict on constraint given_id_pkey do nothing
        returning job_id
    )
    select array_agg(t.job_id) into v_taken from taken as t;
    if cardinality(v_given) > coalesce(cardinality(v_taken), 0) then
        v_left := array(
            select distinct g.id from unnest(v_given) as g (id) where g.id <> all (coalesce(v_taken, '{}'))
        );
        v_twice := array(select g.id from unnest(v_given) as g (id) group by g.id having count(*) > 1);
    end if;

    -- Ids that were not free, and ids of existing jobs, which the engine may have made, are treated one by one.
    perform _reserve_id(u.job_id, u.job_id = any (v_twice))
    from (
        select l.id from unnest(v_left || v_twice) as l (id)
        union
        select j.job_id from job as j where j.job_id = any (v_given)
        union
        select a.job_id from archive as a where a.job_id = any (v_given)
        order by 1
    ) as u (job_id);
    if _snapshot_is_fixed() then
        perform _check_job_id_unseen(g.id) from unnest(v_given) as g (id);
    end if;
end
$_reserve_ids$;

comment on function _reserve_ids(_request[], uuid[]) is
    'Reserves the job ids that the caller gave for a batch. firsts: the result of _reserve_keys. Locks: waits for '
    'transactions that are reserving the same ids, which it takes in their order. Raises LH005; with a fixed snapshot '
    'also 40001.';
