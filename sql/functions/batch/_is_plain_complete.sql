create or replace function _is_plain_complete(element jsonb)
returns boolean
language sql
immutable
as $_is_plain_complete$
    select case
        when _is_lease_reference(element) then
            element ->> 'verb' = 'complete' and element - '{job_id,lease_id,verb,result}'::text[] = '{}'
            and (element -> 'result' is null or octet_length((element -> 'result')::text) <= 1024)
        else false
    end
$_is_plain_complete$;

comment on function _is_plain_complete(jsonb) is
    'Whether an element of a batch of several is a complete that wants no second look: one expression, for nearly all are so. Where both ids are uuids, never '
    'true of what _check_settle_elements or complete refuses as an argument (no setting allows a result less than 1024 bytes).';
