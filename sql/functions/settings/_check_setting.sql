create or replace function _check_setting(name text)
returns void
language plpgsql
stable
as $_check_setting$
begin
    perform _check_text('name', name, 200);
    if _setting_value(name) is null then
        perform _raise_invalid_argument('name', format('is no setting: %s', to_json(name)), 'settings() lists them.');
    end if;
end
$_check_setting$;

comment on function _check_setting(text) is 'Refuses the name of no setting (LH010).';
