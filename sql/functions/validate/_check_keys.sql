create or replace function _check_keys(
    argument text, elements jsonb, kinds jsonb, from_index bigint default 0, types boolean default true
)
returns void
language plpgsql
stable
as $_check_keys$
declare
    v_bad       record;
    v_element   text;
begin
    select
        e.ordinality - 1 + from_index as index, e.object, k.key, e.kinds ->> k.key as kind
    into v_bad
    from (
        select
            a.ordinality,
            jsonb_typeof(a.element) = 'object' as object,
            case when jsonb_typeof(a.element) = 'object' then a.element else '{"": null}' end as element,
            coalesce(kinds -> coalesce(a.element ->> 'verb', ''), '{}') as kinds
        from jsonb_array_elements(elements) with ordinality as a (element, ordinality)
    ) as e
    cross join lateral jsonb_each(e.element) as k (key, value)
    where not e.kinds ? k.key
        or types and case e.kinds ->> k.key
            when 'any' then false
            when 'time' then not _is_json_time(k.value)
            else jsonb_typeof(k.value) not in (e.kinds ->> k.key, 'null')
        end
    order by e.ordinality, k.key
    limit 1;
    if not found then
        return;
    end if;

    v_element := format('%s[%s]', argument, v_bad.index);
    if not v_bad.object then
        perform _raise_invalid_argument(v_element, 'must be a JSON object');
    elsif v_bad.kind is null then
        perform _raise_invalid_argument(
            v_element, format('has an unknown key %s', to_json(left(v_bad.key, 100))),
            'The keys of an element are the parameters of the function that it stands for.'
        );
    elsif v_bad.kind = 'time' then
        perform _raise_invalid_argument(
            format('%s.%s', v_element, v_bad.key), 'must be a string that is a time with its offset from UTC',
            'Write 2026-11-29T12:00:00Z or 2026-11-29 13:00:00+01:00: without an offset, the time zone of the session '
            'would decide which time is meant.'
        );
    end if;
    perform _raise_invalid_argument(format('%s.%s', v_element, v_bad.key), format('must be a JSON %s', v_bad.kind));
end
$_check_keys$;

comment on function _check_keys(text, jsonb, jsonb, bigint, boolean) is
    'Raises LH010 if an element of the batch is not an object, has an unknown key, or has a value of the wrong JSON '
    'type. kinds: for each verb ('''' where elements have none) the keys and their types; a type may be time '
    '(_is_json_time) or any. types => false: checks the keys alone. from_index: the index of the first element. Null '
    'passes.';
