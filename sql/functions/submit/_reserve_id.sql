create or replace function _reserve_id(job_id uuid, twice boolean default false)
returns void
language plpgsql
volatile
as $_reserve_id$
begin
    insert into given_id (job_id) values (_reserve_id.job_id) on conflict on constraint given_id_pkey do nothing;
    if not found then
        -- The id is free if its job was purged. The lock lets one session after the other find that out.
        perform from given_id as g where g.job_id = _reserve_id.job_id for update;
    end if;
    -- given_id does not list ids that the engine made. The test is a statement of its own because the one before may
    -- have waited for a lock.
    if twice or _job_exists(job_id) then
        raise exception 'job % exists', job_id
            using errcode = 'LH005',
                  detail = jsonb_build_object('job_id', job_id)::text,
                  hint = 'Omit job_id to have one made. To make a submit repeatable, give it an idempotency_key.';
    end if;
    if _snapshot_is_fixed() then
        perform _check_job_id_unseen(job_id);
    end if;
end
$_reserve_id$;

comment on function _reserve_id(uuid, boolean) is
    'Reserves a job_id that a caller gave. An id whose job was purged is free again. twice: the batch contains the id '
    'twice. Locks: waits for a transaction that is reserving the same id. Raises LH005; with a fixed snapshot also '
    '40001.';
