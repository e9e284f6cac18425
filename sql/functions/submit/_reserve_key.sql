create or replace function _reserve_key(key text, job_id uuid, request bytea, mine uuid default null)
returns uuid
language plpgsql
volatile
as $_reserve_key$
declare
    v_known idempotency;
begin
    loop
        -- waits for a transaction that has just reserved the key, and may roll back
        insert into idempotency (key, job_id, request)
        values (_reserve_key.key, _reserve_key.job_id, _reserve_key.request)
        on conflict on constraint idempotency_pkey do nothing;
        if found then
            return null;
        end if;
        -- a new statement, because the snapshot of the insert may be older than the row that it conflicted with
        select i.* into v_known from idempotency as i where i.key = _reserve_key.key;
        if found then
            exit when v_known.job_id = mine or _job_exists(v_known.job_id);
            -- The job was purged, so the key is free. The update waits for another transaction that takes the key
            -- over, and then finds the job of that one in the row.
            update idempotency as i
            set job_id = _reserve_key.job_id, request = _reserve_key.request
            where i.key = _reserve_key.key and i.job_id = v_known.job_id;
            if found then
                return null;
            end if;
        elsif _snapshot_is_fixed() then
            raise exception 'idempotency key % was used by a transaction that this one cannot see', to_json(key)
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
$_reserve_key$;

comment on function _reserve_key(text, uuid, bytea, uuid) is
    'Reserves an idempotency key for a job and returns null, or returns the id of the job that has the key. A key '
    'whose job was purged is taken over. mine: a job that this very call is about to write, and that may have the key. '
    'Locks: waits for a transaction that is reserving the same key. Raises LH006; with a fixed snapshot also 40001.';
