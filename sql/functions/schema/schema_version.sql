create or replace function schema_version()
returns text
language sql
immutable
security definer
set search_path from current
as $schema_version$
    select '1.0.0'
$schema_version$;

comment on function schema_version() is 'Returns the version of the installed functions: major.minor.patch.';
