create or replace function _check_retry(argument text, retry jsonb)
returns void
language plpgsql
stable
as $_check_retry$
declare
    v_field     text;
    v_unknown   text;
    v_value     interval;
begin
    if jsonb_typeof(retry) <> 'object' then
        perform _invalid(argument, 'must be a JSON object', 'As {"kind": "exponential", "initial": "10 seconds", "multiplier": 2}.');
    end if;
    select min(k.key) into v_unknown
    from jsonb_object_keys(retry) as k (key)
    where k.key not in ('kind', 'initial', 'multiplier', 'max', 'jitter', 'retryable');
    if v_unknown is not null then
        perform _invalid(argument, format('has an unknown field %s', to_json(v_unknown)), 'Known: kind, initial, multiplier, max, jitter, retryable.');
    end if;
    if coalesce(retry ->> 'kind', 'quadratic') not in ('quadratic', 'exponential', 'fixed') or retry -> 'kind' = 'null' then
        perform _invalid(argument || '.kind', 'must be one of quadratic, exponential, fixed');
    end if;
    foreach v_field in array array['initial', 'max'] loop
        if retry ? v_field then
            begin
                v_value := (retry ->> v_field)::interval;
            exception
                when invalid_datetime_format or datetime_field_overflow or interval_field_overflow then
                    v_value := null;
            end;
            if jsonb_typeof(retry -> v_field) <> 'string' or v_value is null then
                perform _invalid(argument || '.' || v_field, 'must be an interval, as "1 minute"');
            elsif v_value < interval '0' or extract(epoch from v_value) > 366 * 86400 then
                perform _invalid(argument || '.' || v_field, 'must lie between nothing and a year');
            end if;
        end if;
    end loop;
    if retry ? 'multiplier' then
        if jsonb_typeof(retry -> 'multiplier') <> 'number' then
            perform _invalid(argument || '.multiplier', 'must be a number');
        elsif (retry ->> 'multiplier')::numeric not between 1 and 1000 then
            perform _invalid(argument || '.multiplier', 'must lie between 1 and 1000');
        end if;
    end if;
    if retry ? 'jitter' then
        if jsonb_typeof(retry -> 'jitter') <> 'number' then
            perform _invalid(argument || '.jitter', 'must be a number');
        elsif (retry ->> 'jitter')::numeric not between 0 and 1 then
            perform _invalid(argument || '.jitter', 'must lie between 0 and 1');
        end if;
    end if;
    if retry ? 'retryable' then
        if jsonb_typeof(retry -> 'retryable') <> 'array' then
            perform _invalid(argument || '.retryable', 'must be a list of patterns, as ["timeout%"]');
        elsif exists (
            select from jsonb_array_elements(retry -> 'retryable') as p (pattern)
            -- like itself refuses a pattern that ends in its escape character
            where jsonb_typeof(p.pattern) <> 'string' or p.pattern #>> '{}' ~ E'(^|[^\\\\])(\\\\\\\\)*\\\\$'
        ) then
            perform _invalid(argument || '.retryable', 'must be a list of patterns, as ["timeout%"]');
        end if;
    end if;
end
$_check_retry$;

comment on function _check_retry(text, jsonb) is 'Refuses what is not a retry policy (LH010). Null passes.';
