create or replace function _copy_end()
returns trigger
language plpgsql
security definer
set search_path from current
as $_copy_end$
begin
    perform _copy_flush(tg_relid);
    perform set_config('leasehold.load_' || tg_relid, '', true);
    return null;
end
$_copy_end$;

comment on function _copy_end() is
    'Runs after a statement that inserts into submission, and writes the rows that are still gathered.';
