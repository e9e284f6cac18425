create or replace function _uuid_v7(at timestamptz)
returns uuid
language sql
volatile
as $_uuid_v7$
    -- 48 bits of milliseconds, the version, 12 of chance; the variant, and 62 of chance, of which random() fills 52. Unique is all an id has to be: random()
    -- is a tenth of the cost of the cryptographic kind, and each session's begins elsewhere.
    select (
        lpad(to_hex((date_part('epoch', at) * 1000)::bigint << 16 | 28672 | (random() * 4095)::bigint), 16, '0')
        || to_hex(-9223372036854775808 | (random() * 4611686018427387903)::bigint)
    )::uuid
$_uuid_v7$;

comment on function _uuid_v7(timestamptz) is 'A job id: time first, so that the newest jobs stand together in every index.';
