create or replace function _copy_row()
returns trigger
language plpgsql
security definer
set search_path from current
as $_copy_row$
declare
    v_name      constant text := 'leasehold.load_' || tg_relid;
    -- null: each row is submitted by itself
    v_gathered  constant integer := nullif(current_setting(v_name, true), '')::integer;
    v_payload   constant jsonb := coalesce(new.payload, '{}');
    v_text      constant text := v_payload;
    v_priority  constant integer := coalesce(new.priority, 100);
    v_request   _request;
begin
    -- _is_plain_request for a row that omits all other columns: to build a request here would cost 4 % of a COPY
    if
        v_gathered is not null
        and (
            new.job_id, new.wait_for, new.singleton_key, new.idempotency_key, new.available_at, new.expires_at,
            new.max_attempts, new.retry, new.on_dependency_failure, new.metadata, new.submitted_by
        ) is null
        and _is_plain_need(new.next_need) and _is_plain_job(v_payload, octet_length(v_text), v_priority)
    then
        -- neither a need nor JSON text contains a line feed
        if
            set_config(v_name || '_' || v_gathered, concat_ws(e'\n', new.next_need, v_priority, v_text), true) <> ''
            and set_config(v_name, (v_gathered + 1)::text, true) = '100'
        then
            perform _copy_flush(tg_relid);
        end if;
        return new;
    end if;

    -- the rows gathered so far come before this one
    if v_gathered > 0 then
        perform _copy_flush(tg_relid);
    end if;
    v_request := new;
    v_request := _fill_defaults(v_request);
    new.job_id := _copy_one(v_request);
    -- RETURNING shows the defaults
    new.payload := v_request.payload;
    new.wait_for := v_request.wait_for;
    new.priority := v_request.priority;
    new.on_dependency_failure := v_request.on_dependency_failure;
    new.metadata := v_request.metadata;
    return new;
end
$_copy_row$;

comment on function _copy_row() is
    'Runs in place of an insert into submission, and submits the row. In a COPY, plain rows are gathered, and a '
    'hundred of them are written by one insert (_copy_flush). They are gathered in settings of the transaction, which '
    'are the only memory that PL/pgSQL keeps between two calls and that a rollback empties.';
