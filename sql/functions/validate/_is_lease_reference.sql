create or replace function _is_lease_reference(element jsonb)
returns boolean
language sql
immutable
as $_is_lease_reference$
    select case
        when jsonb_typeof(element) = 'object' then
            coalesce(element ->> 'job_id', '') like '________-____-____-____-____________'
            and coalesce(element ->> 'lease_id', '') like '________-____-____-____-____________'
        else false
    end
$_is_lease_reference$;

comment on function _is_lease_reference(jsonb) is
    'Returns whether an element of a batch names a job and a lease in the usual notation. One cheap expression decides '
    'this for nearly all elements, without the regular expression of _check_elements. It is never true of an element '
    'that _check_elements refuses, provided both texts are uuids.';
