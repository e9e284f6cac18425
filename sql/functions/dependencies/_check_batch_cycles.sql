create or replace function _check_batch_cycles(requests _request[])
returns void
language plpgsql
stable
as $_check_batch_cycles$
declare
    v_waits     integer[];
    v_from      integer[];
    v_to        integer[];
    v_first     integer[];
    v_free      integer[];
    v_at        integer := 1;
    v_edge      integer;
    v_node      integer;
    v_stuck     uuid[];
begin
    -- The dependencies inside the batch, from the job waited for to its dependent, sorted by the former.
    with node as (
        select r.ordinality::integer as node, r.job_id, r.wait_for from unnest(requests) with ordinality as r
    )
    select array_agg(d.node order by d.node, n.node), array_agg(n.node order by d.node, n.node) into v_from, v_to
    from node as n
    cross join unnest(n.wait_for) as w (id)
    join (
        select min(m.node) as node, m.job_id from node as m where m.job_id is not null group by m.job_id
    ) as d on d.job_id = w.id;
    if v_from is null then
        return;
    end if;

    v_waits := array_fill(0, array[cardinality(requests)]);
    v_first := array_fill(0, array[cardinality(requests)]);
    for v_edge in reverse cardinality(v_from) .. 1 loop
        v_waits[v_to[v_edge]] := v_waits[v_to[v_edge]] + 1;
        v_first[v_from[v_edge]] := v_edge;
    end loop;
    v_free := array(select n.node from generate_series(1, cardinality(requests)) as n (node) where v_waits[n.node] = 0);
    -- Remove the jobs that wait for nothing until none is left, or only cycles and the jobs that wait for them.
    while v_at <= coalesce(cardinality(v_free), 0) loop
        v_node := v_free[v_at];
        v_edge := v_first[v_node];
        while v_edge > 0 and v_from[v_edge] = v_node loop
            v_waits[v_to[v_edge]] := v_waits[v_to[v_edge]] - 1;
            if v_waits[v_to[v_edge]] = 0 then
                v_free := v_free || v_to[v_edge];
            end if;
            v_edge := v_edge + 1;
        end loop;
        v_at := v_at + 1;
    end loop;
    if cardinality(v_free) < cardinality(requests) then
        v_stuck := array(
            select requests[n.node].job_id
            from generate_series(1, cardinality(requests)) as n (node)
            where v_waits[n.node] > 0
            limit 10
        );
        raise exception 'jobs of the batch wait for each other in a cycle'
            using errcode = 'LH004',
                  detail = jsonb_build_object('job_id', v_stuck[1], 'cycle', v_stuck)::text,
                  hint = 'Nothing was submitted. Remove one wait_for from the cycle.';
    end if;
end
$_check_batch_cycles$;

comment on function _check_batch_cycles(_request[]) is
    'Raises LH004 if elements of a batch wait for each other in a cycle, before anything is written.';
