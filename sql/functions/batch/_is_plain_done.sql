create or replace function _is_plain_done(element jsonb)
returns boolean
language sql
immutable
as $_is_plain_done$
    select case
        when _names_lease(element) then
            element ->> 'verb' = 'complete' and element - '{job_id,lease_id,verb,result}'::text[] = '{}'
            and (element -> 'result' is null or octet_length((element -> 'result')::text) <= 1024)
        else false
    end
$_is_plain_done$;

comment on function _is_plain_done(jsonb) is
    'Whether an element of a batch of several is a complete that wants no second look: one expression, for nearly all are so. Where both ids are uuids, never '
    'true of what _check_done or complete refuses as an argument (no setting allows a result less than 1024 bytes).';
