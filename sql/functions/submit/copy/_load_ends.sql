create or replace function _load_ends()
returns trigger
language plpgsql
security definer
set search_path from current
as $_load_ends$
begin
    perform _load_gathered(tg_relid);
    perform set_config('leasehold.load_' || tg_relid, '', true);
    return null;
end
$_load_ends$;

comment on function _load_ends() is 'After a statement that inserts into submission: what is gathered yet is written.';
