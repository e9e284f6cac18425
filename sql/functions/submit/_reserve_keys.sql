create or replace function _reserve_keys(requests _request[], ids uuid[])
returns uuid[]
language plpgsql
volatile
as $_reserve_keys$
declare
    v_firsts    uuid[];
    v_taken     text[];
    v_at        bigint;
    v_first_at  bigint;
begin
    -- in the order of the keys: two batches that share some must not wait for each other in a cycle
    with taken as (
        insert into idempotency (key, job_id, request)
        select r.idempotency_key, ids[r.ordinality], _request_hash(r.next_need, r.payload, r.job_id)
        from unnest(requests) with ordinality as r
        where r.idempotency_key is not null
        order by r.idempotency_key collate "C", r.ordinality
        on conflict on constraint idempotency_pkey do nothing
        returning key
    )
    select array_agg(t.key) into v_taken from taken as t;

    -- Keys that were not free are treated one by one.
    for v_at, v_first_at in
        select k.ordinality, k.first_at
        from (
            select
                r.idempotency_key, r.ordinality,
                min(r.ordinality) over (partition by r.idempotency_key) as first_at
            from unnest(requests) with ordinality as r
            where r.idempotency_key is not null
        ) as k
        where k.ordinality > k.first_at or k.idempotency_key not in (select t.key from unnest(v_taken) as t (key))
        order by k.idempotency_key collate "C", k.ordinality
    loop
        v_firsts := coalesce(v_firsts, array_fill(null::uuid, array[cardinality(requests)]));
        v_firsts[v_at] := _reserve_key(
            requests[v_at].idempotency_key, ids[v_at],
            _request_hash(requests[v_at].next_need, requests[v_at].payload, requests[v_at].job_id),
            case when v_at > v_first_at then ids[v_first_at] end
        );
    end loop;
    return v_firsts;
end
$_reserve_keys$;

comment on function _reserve_keys(_request[], uuid[]) is
    'Reserves the idempotency keys of a batch for the jobs of ids. Returns for each element the job that had its key '
    'before, and null if there was none; null for the whole batch if no key was known. Locks: waits for transactions '
    'that are reserving the same keys, which it takes in their order. Raises LH006; with a fixed snapshot also 40001.';
