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
    'Whether an element of a batch is a complete that needs no further check, as nearly all are. One expression, '
    'because it runs for each element. If both ids are uuids, it is false for every element that '
    '_check_settle_elements or complete would reject: the limit of a result cannot be set below 1024 bytes.';
