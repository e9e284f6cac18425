create or replace function _requests(jobs jsonb)
returns _request[]
language plpgsql
volatile
as $_requests$
declare
    v_bad       record;
    v_element   record;
    v_requests  _request[];
    v_request   _request;
    v_default   constant _request := (
        null, '{}', null, '{}', null, null, 100, null, null, null, null, 'hold', '{}', null
    );
begin
    if jobs is null then
        perform _invalid('jobs', 'must not be null');
    elsif jsonb_typeof(jobs) <> 'array' then
        perform _invalid('jobs', format('must be a JSON array, not %s', jsonb_typeof(jobs)));
    elsif jsonb_array_length(jobs) > 10000 then
        perform _invalid('jobs', 'must not have more than 10000 elements', 'Submit in several calls; one transaction may hold them all.');
    end if;
    select e.ordinal, e.problem into v_bad
    from (
        select
            j.ordinal,
            case
                when jsonb_typeof(j.element) <> 'object' then 'is not an object'
                else (
                    select 'has an unknown key ' || to_json(min(k.key))
                    from jsonb_object_keys(j.element) as k (key)
                    where to_jsonb(v_default) -> k.key is null
                    having count(*) > 0
                )
            end as problem
        from jsonb_array_elements(jobs) with ordinality as j (element, ordinal)
    ) as e
    where e.problem is not null
    order by e.ordinal
    limit 1;
    if found then
        perform _invalid(format('jobs[%s]', v_bad.ordinal - 1), v_bad.problem, 'An element has the parameters of submit as its keys.');
    end if;

    begin
        return array(
            select jsonb_populate_record(v_default, j.element)
            from jsonb_array_elements(jobs) with ordinality as j (element, ordinal)
            order by j.ordinal
        );
    exception
        when data_exception then
            null;
    end;
    -- only a call that is wrong comes here: which element, and what about it
    for v_element in
        select j.element, j.ordinal from jsonb_array_elements(jobs) with ordinality as j (element, ordinal) order by j.ordinal
    loop
        begin
            v_request := jsonb_populate_record(v_default, v_element.element);
            v_requests := v_requests || v_request;
        exception
            when data_exception then
                perform _invalid(format('jobs[%s]', v_element.ordinal - 1), 'cannot be read: ' || sqlerrm);
        end;
    end loop;
    return v_requests;
end
$_requests$;

comment on function _requests(jsonb) is 'The elements of submit_many as typed requests, defaults filled in. Raises LH010 with the number of the element.';
