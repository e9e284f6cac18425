create or replace function _reserve_id(job_id uuid, twice boolean default false)
returns void
language plpgsql
volatile
as $_reserve_id$
begin
    insert into given_id (job_id) values (_reserve_id.job_id) on conflict on constraint given_id_pkey do nothing;
    if not found then
        -- Its job may have been purged, and then the id is free: one after the other may find that.
        perform from given_id as g where g.job_id = _reserve_id.job_id for update;
    end if;
    -- an id that was made here is not in the list; a look of its own, for the lock may have been waited for
    if twice or _job_exists(job_id) then
        raise exception 'job % exists', job_id
            using errcode = 'LH005',
                  detail = jsonb_build_object('job_id', job_id)::text,
                  hint = 'Leave job_id out to have one made; to make a submit repeatable, give it an idempotency_key.';
    end if;
    if _snapshot_is_fixed() then
        perform _check_job_id_unseen(job_id);
    end if;
end
$_reserve_id$;

comment on function _reserve_id(uuid, boolean) is
    'Takes an id that a caller gave; one whose job was purged is free again. twice: it was given twice. Waits for a transaction that is taking it. '
    'Raises LH005.';
