create or replace function _copy_row()
returns trigger
language plpgsql
security definer
set search_path from current
as $_copy_row$
declare
    v_name      constant text := 'leasehold.load_' || tg_relid;
    -- null: each row by itself
    v_gathered  constant integer := nullif(current_setting(v_name, true), '')::integer;
    -- null, or left out: as submit has it
    v_payload   constant jsonb := coalesce(new.payload, '{}');
    v_text      constant text := v_payload;
    v_priority  constant integer := coalesce(new.priority, 100);
    v_plain     constant boolean := (
        new.job_id, new.wait_for, new.singleton_key, new.idempotency_key, new.available_at, new.expires_at, new.max_attempts, new.retry,
        new.on_dependency_failure, new.metadata, new.submitted_by
    ) is null and _is_plain_need(new.next_need) and _is_plain_request(v_payload, octet_length(v_text), v_priority, 'hold', '{}');
begin
    if v_plain and v_gathered is not null then
        -- neither a need nor JSON text has a line's end
        if
            set_config(v_name || '_' || v_gathered, concat_ws(e'\n', new.next_need, v_priority, v_text), true) <> ''
            and set_config(v_name, (v_gathered + 1)::text, true) = '100'
        then
            perform _copy_flush(tg_relid);
        end if;
        return new;
    end if;

    -- what is gathered yet stood before it
    if v_gathered > 0 then
        perform _copy_flush(tg_relid);
    end if;
    new.payload := v_payload;
    new.priority := v_priority;
    new.wait_for := coalesce(new.wait_for, '{}');
    new.on_dependency_failure := coalesce(new.on_dependency_failure, 'hold');
    new.metadata := coalesce(new.metadata, '{}');
    if v_plain then
        new.job_id := _copy_one(new.next_need, new.payload, new.priority);
    else
        new.job_id := (
            submit(
                new.next_need, new.payload, new.job_id, new.wait_for, new.singleton_key, new.idempotency_key, new.priority, new.available_at,
                new.expires_at, new.max_attempts, new.retry, new.on_dependency_failure, new.metadata, new.submitted_by
            )
        ).job_id;
    end if;
    return new;
end
$_copy_row$;

comment on function _copy_row() is
    'In place of a row of submission: a submit; or, in a COPY, where nothing is out of the ordinary, the row is gathered, a hundred of them are one insert '
    '(_copy_flush). Gathered in settings of the transaction, the only memory that PL/pgSQL has between two calls and that a rollback empties.';
