create or replace function _copy_begin()
returns trigger
language plpgsql
security definer
set search_path from current
as $_copy_begin$
begin
    -- writes the rows that an enclosing statement has gathered
    perform _copy_flush(tg_relid);
    -- COPY returns nothing, so its rows need no id before they are written. The statement is recognized by its text: a
    -- wrong guess costs the job_id in RETURNING, or time.
    perform set_config(
        'leasehold.load_' || tg_relid,
        case when pg_trigger_depth() = 1 and current_query() ~* '^\s*copy\s' then '0' else '' end, true
    );
    return null;
end
$_copy_begin$;

comment on function _copy_begin() is
    'Runs before a statement that inserts into submission, and decides whether its rows are gathered.';
