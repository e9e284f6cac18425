create or replace function _claim_key(key text, job_id uuid, request bytea)
returns uuid
language plpgsql
volatile
as $_claim_key$
declare
    v_known idempotency;
begin
    loop
        -- waits for a transaction that has just taken the key: it may roll back
        insert into idempotency (key, job_id, request)
        values (_claim_key.key, _claim_key.job_id, _claim_key.request)
        on conflict on constraint idempotency_pkey do nothing;
        if found then
            return null;
        end if;
        -- a new statement, for the insert's own snapshot may be older than the row it ran into
        select i.* into v_known from idempotency as i where i.key = _claim_key.key;
        exit when found;
        if _isolated() then
            raise exception 'idempotency key % was taken by a transaction that this one cannot see', to_json(key)
                using errcode = 'serialization_failure',
                      detail = jsonb_build_object('idempotency_key', key)::text,
                      hint = 'Try the transaction again.';
        end if;
    end loop;
    if v_known.request <> request then
        raise exception 'idempotency key % was used for a different request', to_json(key)
            using errcode = 'LH006',
                  detail = jsonb_build_object('job_id', v_known.job_id, 'idempotency_key', key)::text,
                  hint = 'The need, the payload or the job_id differs. Use another key for another request.';
    end if;
    return v_known.job_id;
end
$_claim_key$;

comment on function _claim_key(text, uuid, bytea) is
    'Takes an idempotency key for a job (null), or returns the id of the job that has it. Waits for a transaction that is taking it. Raises LH006.';
