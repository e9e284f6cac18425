create or replace function verify()
returns setof discrepancy
language sql
stable
security definer
set search_path from current
as $verify$
    select
        coalesce(m.kind, i.kind),
        coalesce(m.name, i.name),
        case when i.name is null then 'missing' when m.name is null then 'left over' else 'changed' end
    from (select k.* from manifest as k where k.kind <> 'build') as m
    full join _inventory(current_schema()) as i on i.kind = m.kind and i.name = m.name
    where m.definition is distinct from i.definition
    order by 1, 2
$verify$;

comment on function verify() is
    'What of the installation is missing, changed or left over (functions, tables, columns, indexes, constraints, types, views, grants), compared with '
    'what the installer left behind. No rows: all is as it was. After the schema is renamed it says so: run leasehold.sql again.';
