create or replace function _uuid_v7(at timestamptz)
returns uuid
language sql
volatile
as $_uuid_v7$
    -- 48 bits of milliseconds, the version, and the random rest of a uuid v4, whose variant bits are right already
    select (
        lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14)
    )::uuid
$_uuid_v7$;

comment on function _uuid_v7(timestamptz) is 'A job id: time first, so that the newest jobs stand together in every index.';
