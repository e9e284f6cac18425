create or replace function _setting_value(name text)
returns text
language plpgsql
stable
as $_setting_value$
begin
    return (select s.current_value from setting as s where s.name = _setting_value.name);
end
$_setting_value$;

comment on function _setting_value(text) is
    'Returns the value in force of a setting; null if no setting has this name. Every other function reads settings '
    'through this one.';
