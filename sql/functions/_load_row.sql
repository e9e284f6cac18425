create or replace function _load_row()
returns trigger
language plpgsql
security definer
set search_path from current
as $_load_row$
declare
    v_name      constant text := 'leasehold.load_' || tg_relid;
    -- null: each row by itself
    v_gathered  constant integer := nullif(current_setting(v_name, true), '')::integer;
    v_plain     boolean;
begin
    v_plain := (
        new.job_id, new.wait_for, new.singleton_key, new.idempotency_key, new.available_at, new.expires_at, new.max_attempts, new.retry,
        new.on_dependency_failure, new.metadata, new.submitted_by
    ) is null;
    -- null, or left out: as submit has it
    new.payload := coalesce(new.payload, '{}');
    new.priority := coalesce(new.priority, 100);
    v_plain := v_plain and _is_plain_need(new.next_need) and _is_plain(new.payload, new.priority, 'hold', '{}');
    if v_plain and v_gathered is not null then
        -- neither a need nor JSON text has a line's end
        if
            set_config(v_name || '_' || v_gathered, concat_ws(e'\n', new.next_need, new.priority, new.payload), true) <> ''
            and set_config(v_name, (v_gathered + 1)::text, true) = '100'
        then
            perform _load_gathered(tg_relid);
        end if;
        return new;
    end if;

    -- what is gathered yet stood before it
    if v_gathered > 0 then
        perform _load_gathered(tg_relid);
    end if;
    new.wait_for := coalesce(new.wait_for, '{}');
    new.on_dependency_failure := coalesce(new.on_dependency_failure, 'hold');
    new.metadata := coalesce(new.metadata, '{}');
    if v_plain then
        new.job_id := _load_one(new.next_need, new.payload, new.priority);
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
$_load_row$;

comment on function _load_row() is
    'In place of a row of submission: a submit; or, in a COPY, where nothing is out of the ordinary, the row is gathered, a hundred of them are one insert '
    '(_load_gathered). Gathered in settings of the transaction, the only memory that PL/pgSQL has between two calls and that a rollback empties.';
