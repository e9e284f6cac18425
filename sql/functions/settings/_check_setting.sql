create or replace function _check_setting(name text)
returns void
language plpgsql
stable
as $_check_setting$
begin
    perform _check_text('name', name, 200);
    if _setting_value(name) is null then
        perform _raise_invalid_argument(
            'name', format('must be the name of a setting, not %s', to_json(name)), 'settings() lists all settings.'
        );
    end if;
end
$_check_setting$;

comment on function _check_setting(text) is 'Raises LH010 unless the name is that of a setting.';
