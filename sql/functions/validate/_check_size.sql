create or replace function _check_size(argument text, value jsonb, setting text)
returns void
language plpgsql
stable
as $_check_size$
declare
    v_bytes bigint;
    v_limit bigint;
begin
    -- JSON text is never more than some sixteen times its binary form, and no limit is below 1024: most values need no second look
    if value is null or pg_column_size(value) <= 64 then
        return;
    end if;
    v_bytes := octet_length(value::text);
    if v_bytes <= 1024 then
        return;
    end if;
    v_limit := _setting_value(setting)::bigint;
    if v_bytes > v_limit then
        raise exception '% has % bytes, more than the % that % allows', argument, v_bytes, v_limit, setting
            using errcode = 'LH011',
                  detail = jsonb_build_object('argument', argument, 'bytes', v_bytes, 'limit', v_limit)::text,
                  hint = format('Keep large values elsewhere and put a reference here, or raise the setting %s.', setting);
    end if;
end
$_check_size$;

comment on function _check_size(text, jsonb, text) is 'Refuses a value whose JSON text is larger than the named setting allows (LH011).';
