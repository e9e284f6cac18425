create or replace function _remap_wait_for(requests _request[], firsts uuid[])
returns _request[]
language plpgsql
stable
as $_remap_wait_for$
declare
    v_meant jsonb;
    v_at    bigint;
begin
    select jsonb_object_agg(r.job_id, firsts[r.ordinality]) into v_meant
    from unnest(requests) with ordinality as r
    where r.job_id <> firsts[r.ordinality];
    if v_meant is not null then
        for v_at in select r.ordinality from unnest(requests) with ordinality as r where r.wait_for <> '{}' loop
            requests[v_at].wait_for := array(
                select coalesce((v_meant ->> w.id::text)::uuid, w.id) from unnest(requests[v_at].wait_for) as w (id)
            );
        end loop;
    end if;
    return requests;
end
$_remap_wait_for$;

comment on function _remap_wait_for(_request[], uuid[]) is
    'Returns the batch with wait_for changed so that waiting for an element means waiting for the job that it resulted '
    'in: its own, or the one that had its idempotency key before (firsts).';
