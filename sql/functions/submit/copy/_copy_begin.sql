create or replace function _copy_begin()
returns trigger
language plpgsql
security definer
set search_path from current
as $_copy_begin$
begin
    -- of a statement around this one
    perform _copy_flush(tg_relid);
    -- COPY returns nothing, so that its rows need no id before they are written. A guess that is wrong costs a job_id in RETURNING, or time.
    perform set_config(
        'leasehold.load_' || tg_relid, case when pg_trigger_depth() = 1 and current_query() ~* '^\s*copy\s' then '0' else '' end, true
    );
    return null;
end
$_copy_begin$;

comment on function _copy_begin() is 'Before a statement that inserts into submission: whether its rows are to be gathered.';
