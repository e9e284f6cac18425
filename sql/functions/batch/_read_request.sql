create or replace function _read_request(element jsonb)
returns _request
language plpgsql
stable
as $_read_request$
begin
    return jsonb_populate_record(null::_request, element);
exception
    when data_exception then
        perform _raise_invalid_argument('done', 'has an element that cannot be read: ' || left(sqlerrm, 200));
        return null;
end
$_read_request$;

comment on function _read_request(jsonb) is 'The parameters of an element of a batch, typed. Raises LH010.';
