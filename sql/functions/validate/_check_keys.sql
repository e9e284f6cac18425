create or replace function _check_keys(argument text, elements jsonb, kinds jsonb, from_index bigint default 0, types boolean default true)
returns void
language plpgsql
stable
as $_check_keys$
declare
    v_bad record;
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
    elsif not v_bad.object then
        perform _raise_invalid_argument(format('%s[%s]', argument, v_bad.index), 'must be a JSON object');
    elsif v_bad.kind is null then
        perform _raise_invalid_argument(
            format('%s[%s]', argument, v_bad.index), format('has an unknown key %s', to_json(left(v_bad.key, 100))),
            'An element has the parameters of the function it stands for as its keys.'
        );
    elsif v_bad.kind = 'time' then
        perform _raise_invalid_argument(
            format('%s[%s].%s', argument, v_bad.index, v_bad.key), 'must be a text that is a time with its offset from UTC',
            'As 2026-11-29T12:00:00Z, or 2026-11-29 13:00:00+01:00: without one it would be taken in the time zone of the session.'
        );
    end if;
    perform _raise_invalid_argument(format('%s[%s].%s', argument, v_bad.index, v_bad.key), format('must be a JSON %s', v_bad.kind));
end
$_check_keys$;

comment on function _check_keys(text, jsonb, jsonb, bigint, boolean) is
    'Refuses a batch of which an element is no object, has a key that is not known, or a value of the wrong JSON type (LH010). kinds: by verb ('''' '
    'where elements have none), the keys and their types, time (_is_json_time), or any; types => false: the keys alone. Null passes. from_index: the number '
    'of the first element.';
