create or replace function _is_older_lease(job_id uuid, lease_id uuid, fence bigint)
returns boolean
language plpgsql
immutable
as $_is_older_lease$
declare
    v_hex   text   := replace(lease_id::text, '-', '');
    v_fence bigint := ('x' || left(v_hex, 12))::bit(48)::bigint;
begin
    return v_fence <= fence
        and substr(v_hex, 13, 4) || right(v_hex, 4) = '8' || _lease_check(job_id, v_fence);
end
$_is_older_lease$;

comment on function _is_older_lease(uuid, uuid, bigint) is
    'Whether lease_id was once granted for this job, whose last lease had the given fence (null: none).';
