create or replace function _read_requests(jobs jsonb)
returns _request[]
language plpgsql
volatile
as $_read_requests$
declare
    v_element   record;
    v_requests  _request[];
    v_request   _request;
    v_default   constant _request := _fill_defaults(null);
begin
    if jobs is null then
        perform _raise_invalid_argument('jobs', 'must not be null');
    elsif jsonb_typeof(jobs) <> 'array' then
        perform _raise_invalid_argument('jobs', format('must be a JSON array, not %s', jsonb_typeof(jobs)));
    elsif jsonb_array_length(jobs) > 10000 then
        perform _raise_invalid_argument(
            'jobs', 'must not have more than 10000 elements',
            'Submit the jobs in several calls. One transaction may contain all of them.'
        );
    end if;
    perform _check_keys('jobs', jobs, jsonb_build_object('', _submit_field_kinds()));

    begin
        return array(select r from jsonb_populate_recordset(v_default, jobs) as r);
    exception
        when data_exception then
            null;
    end;
    -- Only an invalid call reaches this loop, which finds the element, and the reason.
    for v_element in
        select j.element, j.ordinal
        from jsonb_array_elements(jobs) with ordinality as j (element, ordinal)
        order by j.ordinal
    loop
        begin
            v_request := jsonb_populate_record(v_default, v_element.element);
            v_requests := v_requests || v_request;
        exception
            when data_exception then
                perform _raise_invalid_argument(
                    format('jobs[%s]', v_element.ordinal - 1), 'cannot be read: ' || left(sqlerrm, 200)
                );
        end;
    end loop;
    return v_requests;
end
$_read_requests$;

comment on function _read_requests(jsonb) is
    'Converts the elements of submit_many to requests. A key that an element omits gets the default of submit; a null '
    'stays null. Raises LH010 and names the element.';
