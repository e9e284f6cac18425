create or replace function setting(name text)
returns text
language plpgsql
stable
security definer
set search_path from current
as $setting$
begin
    perform _check_setting(name);
    return _setting_value(name);
end
$setting$;

comment on function setting(text) is
    'Returns the value in force of one setting, as text. Raises LH010 for an unknown name.';
