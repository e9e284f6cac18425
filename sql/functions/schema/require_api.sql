create or replace function require_api(api integer)
returns text
language plpgsql
immutable
security definer
set search_path from current
as $require_api$
begin
    if api is null or api < 1 then
        perform _raise_invalid_argument(
            'api', 'must be greater than zero', 'Pass the API major that the client was written for, as 1.'
        );
    elsif api > split_part(schema_version(), '.', 1)::integer then
        raise exception 'the client needs API %, but the schema serves %', api, split_part(schema_version(), '.', 1)
            using errcode = 'LH017',
                  detail = jsonb_build_object('api', api, 'schema_version', schema_version())::text,
                  hint = 'Upgrade the schema: apply the leasehold.sql that came with the client.';
    end if;
    return schema_version();
end
$require_api$;

comment on function require_api(integer) is
    'Returns schema_version() if the schema serves this API major. A client calls it once. Raises LH017 if the schema '
    'is too old; LH010.';
