create or replace function _check_size(argument text, value jsonb, setting text)
returns void
language plpgsql
stable
as $_check_size$
declare
    v_bytes bigint;
    v_limit bigint;
begin
    -- JSON text is at most about sixteen times as long as its binary form, and no limit is below 1024 bytes. Most
    -- values therefore need neither their text nor the setting.
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
                  hint = format('Store the value elsewhere and pass a reference, or raise the setting %s.', setting);
    end if;
end
$_check_size$;

comment on function _check_size(text, jsonb, text) is
    'Raises LH011 if the JSON text of the value is larger than the named setting allows. Null passes.';
