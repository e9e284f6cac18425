create or replace function _claim_id(job_id uuid)
returns void
language plpgsql
volatile
as $_claim_id$
begin
    insert into given_id (job_id) values (_claim_id.job_id) on conflict on constraint given_id_pkey do nothing;
    -- an id that was made here is in no list, but in one of the two: one statement, for a job may be moving from one to the other
    if not found or exists (
        select from job as j where j.job_id = _claim_id.job_id
        union all
        select from archive as a where a.job_id = _claim_id.job_id
    ) then
        raise exception 'job % exists', job_id
            using errcode = 'LH005',
                  detail = jsonb_build_object('job_id', job_id)::text,
                  hint = 'Leave job_id out to have one made; to make a submit repeatable, give it an idempotency_key.';
    end if;
    if _isolated() then
        perform _check_unseen(job_id);
    end if;
end
$_claim_id$;

comment on function _claim_id(uuid) is 'Takes an id that a caller gave. Waits for a transaction that is taking it. Raises LH005.';
