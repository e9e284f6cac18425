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
    'Whether an element of a batch names a job and a lease in the way nearly all do: one expression. Where both are uuids, never true of what '
    '_check_elements refuses.';
