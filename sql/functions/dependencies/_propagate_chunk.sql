create or replace function _propagate_chunk(
    v_item deferred, limit_rows integer, now timestamptz, out freed integer, out looked_at integer
)
language plpgsql
volatile
as $_propagate_chunk$
declare
    v_chunk     uuid[];
    v_chunk_of  constant integer := least(limit_rows, 1000);
begin
    -- Continues where the last chunk ended. The index entries before it are dead, and reading them again for each chunk
    -- would take quadratic time.
    v_chunk := array(
        select e.job_id
        from dependency as e
        where e.waits_for = v_item.job_id
            and e.job_id > coalesce(v_item.waits_for, '00000000-0000-0000-0000-000000000000')
        order by e.job_id
        limit v_chunk_of
    );
    looked_at := greatest(cardinality(v_chunk), 1);
    freed := _propagate_to(v_item.job_id, v_chunk, now);
    if cardinality(v_chunk) < v_chunk_of then
        delete from deferred as n where n.deferred_id = v_item.deferred_id;
    else
        v_item.waits_for := v_chunk[v_chunk_of];
        perform _defer_again(v_item);
    end if;
end
$_propagate_chunk$;

comment on function _propagate_chunk(deferred, integer, timestamptz) is
    'Propagates the end or the redrive of a job to its next dependents, at most limit_rows and at most a thousand. '
    'The caller holds the lock of the deferred item.';
