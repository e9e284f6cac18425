create or replace function _check_retry(argument text, retry jsonb)
returns void
language plpgsql
volatile
-- the same as _backoff, which reads the intervals
set intervalstyle to postgres
as $_check_retry$
declare
    v_field     text;
    v_unknown   text;
    v_value     interval;
    v_lowest    constant jsonb := jsonb '{"multiplier": 1, "jitter": 0}';
    v_highest   constant jsonb := jsonb '{"multiplier": 1000, "jitter": 1}';
begin
    if jsonb_typeof(retry) <> 'object' then
        perform _raise_invalid_argument(
            argument, 'must be a JSON object',
            'Write, for example, {"kind": "exponential", "initial": "10 seconds", "multiplier": 2}.'
        );
    end if;
    select min(k.key) into v_unknown
    from jsonb_object_keys(retry) as k (key)
    where k.key not in ('kind', 'initial', 'multiplier', 'max', 'jitter', 'retryable');
    if v_unknown is not null then
        perform _raise_invalid_argument(
            argument, format('has an unknown field %s', to_json(left(v_unknown, 100))),
            'The fields are kind, initial, multiplier, max, jitter and retryable.'
        );
    end if;
    if coalesce(retry ->> 'kind', 'quadratic') not in ('quadratic', 'exponential', 'fixed')
        or retry -> 'kind' = 'null' then
        perform _raise_invalid_argument(argument || '.kind', 'must be one of quadratic, exponential, fixed');
    end if;
    foreach v_field in array array['initial', 'max'] loop
        if retry ? v_field then
            begin
                v_value := (retry ->> v_field)::interval;
            exception
                when data_exception then
                    v_value := null;
            end;
            if jsonb_typeof(retry -> v_field) <> 'string' or v_value is null then
                perform _raise_invalid_argument(argument || '.' || v_field, 'must be an interval, as "1 minute"');
            end if;
            perform _check_delay(argument || '.' || v_field, v_value);
        end if;
    end loop;
    foreach v_field in array array['multiplier', 'jitter'] loop
        if jsonb_typeof(retry -> v_field) <> 'number' then
            perform _raise_invalid_argument(argument || '.' || v_field, 'must be a number');
        elsif retry -> v_field < v_lowest -> v_field or retry -> v_field > v_highest -> v_field then
            perform _raise_invalid_argument(
                argument || '.' || v_field,
                format('must be between %s and %s', v_lowest -> v_field, v_highest -> v_field)
            );
        end if;
    end loop;
    if retry ? 'retryable' then
        if jsonb_typeof(retry -> 'retryable') <> 'array' then
            perform _raise_invalid_argument(argument || '.retryable', 'must be a list of patterns, as ["timeout%"]');
        elsif exists (
            select from jsonb_array_elements(retry -> 'retryable') as p (pattern)
            -- LIKE raises an error for a pattern that ends in its escape character
            where jsonb_typeof(p.pattern) <> 'string' or p.pattern #>> '{}' ~ E'(^|[^\\\\])(\\\\\\\\)*\\\\$'
        ) then
            perform _raise_invalid_argument(argument || '.retryable', 'must be a list of patterns, as ["timeout%"]');
        end if;
    end if;
    -- The computation itself decides in the end.
    perform _backoff(retry, a.attempt) from (values (1), (10000)) as a (attempt) where retry is not null;
exception
    when numeric_value_out_of_range or interval_field_overflow then
        perform _raise_invalid_argument(
            argument, 'gives a delay that cannot be computed: ' || left(sqlerrm, 200),
            'Use numbers that double precision can hold.'
        );
end
$_check_retry$;

comment on function _check_retry(text, jsonb) is 'Raises LH010 unless the value is a retry policy. Null passes.';
