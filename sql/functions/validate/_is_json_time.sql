create or replace function _is_json_time(value jsonb)
returns boolean
language sql
immutable
as $_is_json_time$
    -- Names of time zones, and the meaning of now, today or 1.2.2027, depend on settings of the session or the server.
    select case jsonb_typeof(value)
        when 'string' then
            octet_length(value #>> '{}') <= 100 and (
                value #>> '{}' ~* (
                    '^[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?'
                    ' ?(z|[+-][0-9]{2}(:?[0-9]{2}(:[0-9]{2})?)?)$'
                )
                or value = '"infinity"'
            )
        else jsonb_typeof(value) = 'null'
    end
$_is_json_time$;

comment on function _is_json_time(jsonb) is
    'Returns whether a JSON value is a time that means the same in every session: ISO 8601 with an offset or Z, '
    'infinity, or null. Whether the day exists is left to the conversion.';
