create or replace function settings()
returns setof setting_info
language sql
stable
security definer
set search_path from current
as $settings$
    select s.name, s.current_value, s.default_value, s.description from setting as s order by s.name
$settings$;

comment on function settings() is 'Lists every setting: name, value in force, default, description.';
