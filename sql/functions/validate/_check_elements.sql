create or replace function _check_elements(argument text, elements jsonb)
returns void
language plpgsql
stable
as $_check_elements$
declare
    v_ordinal   bigint;
    v_uuid      constant text := '^[{]?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}[}]?$';
begin
    if elements is null then
        perform _raise_invalid_argument(argument, 'must not be null');
    elsif jsonb_typeof(elements) <> 'array' then
        perform _raise_invalid_argument(argument, format('must be a JSON array, not %s', jsonb_typeof(elements)));
    elsif jsonb_array_length(elements) > 1000 then
        perform _raise_invalid_argument(argument, 'must not have more than 1000 elements');
    end if;
    select e.ordinality into v_ordinal
    from jsonb_array_elements(elements) with ordinality as e (element, ordinality)
    where jsonb_typeof(e.element) <> 'object'
        or coalesce(e.element ->> 'job_id', '') !~* v_uuid
        or coalesce(e.element ->> 'lease_id', '') !~* v_uuid
    order by e.ordinality
    limit 1;
    if found then
        perform _raise_invalid_argument(
            format('%s[%s]', argument, v_ordinal - 1), 'must be an object with a job_id and a lease_id, both uuids'
        );
    end if;
end
$_check_elements$;

comment on function _check_elements(text, jsonb) is
    'Raises LH010 unless the batch is an array of at most 1,000 objects that each name a job and a lease.';
