create or replace function _dependency_results(wait_for uuid[])
returns jsonb
language plpgsql
stable
as $_dependency_results$
declare
    v_limit     constant bigint := 65536;
    v_stored    bigint;
    v_bytes     bigint := 0;
    v_next      bigint;
    v_id        uuid;
begin
    -- A thousand results that are null are 64 kB of ids and nulls.
    if cardinality(wait_for) > 1000 then
        return null;
    end if;
    select coalesce(sum(pg_column_size(a.result)), 0) into v_stored
    from unnest(wait_for) as w (id)
    -- limit makes this a lookup for each id, where the planner might join the whole archive
    left join lateral (
        select o.result from archive as o where o.job_id = w.id and o.state = 'succeeded' limit 1
    ) as a on true;
    -- A stored value is never larger than four times its text, and about sixteen times smaller, or more if it is
    -- compressed. Only results that may be on either side of the limit are read, one by one, because all of them
    -- together may be more than a value can hold.
    if v_stored > 4 * v_limit then
        return null;
    elsif v_stored > v_limit / 64 then
        foreach v_id in array wait_for loop
            v_next := (
                select octet_length(o.result::text) from archive as o where o.job_id = v_id and o.state = 'succeeded'
            );
            v_bytes := v_bytes + coalesce(v_next, 4) + 42;
            if v_bytes > v_limit then
                return null;
            end if;
        end loop;
    end if;
    return (
        select
            case
                when sum(octet_length(coalesce(a.result::text, 'null')) + 42) <= v_limit
                    then jsonb_object_agg(w.id, a.result)
            end
        from unnest(wait_for) as w (id)
        left join lateral (
            select o.result from archive as o where o.job_id = w.id and o.state = 'succeeded' limit 1
        ) as a on true
    );
end
$_dependency_results$;

comment on function _dependency_results(uuid[]) is
    'The results of these jobs as {job_id: result}. Null if they are larger than 64 kB together, which is found out '
    'before the object is built.';
