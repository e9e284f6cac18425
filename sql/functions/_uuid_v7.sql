create or replace function _uuid_v7(at timestamptz)
returns uuid
language sql
volatile
as $_uuid_v7$
    -- 48 bits of milliseconds, then 74 of chance around the version and the variant. Unique is all an id has to be: random() is a tenth of the
    -- cost of the cryptographic kind, and each session's begins elsewhere.
    select (
        lpad(to_hex((date_part('epoch', at) * 1000)::bigint), 12, '0')
        || to_hex(28672 + floor(random() * 4096)::integer)
        || to_hex(32768 + floor(random() * 16384)::integer)
        || lpad(to_hex(floor(random() * 281474976710656)::bigint), 12, '0')
    )::uuid
$_uuid_v7$;

comment on function _uuid_v7(timestamptz) is 'A job id: time first, so that the newest jobs stand together in every index.';
