create or replace function _fence_of_lease(job_id uuid, lease_id uuid)
returns bigint
language plpgsql
immutable
as $_fence_of_lease$
declare
    v_hex   constant text := replace(lease_id::text, '-', '');
    v_fence constant bigint := ('x' || left(v_hex, 12))::bit(48)::bigint;
begin
    return case
        when substr(v_hex, 13, 4) || right(v_hex, 4) = to_hex(2147483648 | _lease_check_bits(job_id, v_fence))
            then v_fence
    end;
end
$_fence_of_lease$;

comment on function _fence_of_lease(uuid, uuid) is
    'The fence of a lease of this job. Null if lease_id was never a lease of it.';
