-- require_api: a client calls it once, to check that this installation serves it.

begin;
\ir ../include/support.sql
select plan(9);

select is(require_api(api => 1), schema_version(), 'a client of this API major is served and told the version');
select pg_temp.refused('select require_api(api => 2)', 'LH017', 'a client of the next API major is refused');
select pg_temp.refused('select require_api(api => 2147483647)', 'LH017', 'a client of a much later API major is refused');
select is((pg_temp.detail_of('select require_api(api => 2)') ->> 'api')::integer, 2, 'DETAIL says which API the client asks for');
select is(pg_temp.detail_of('select require_api(api => 2)') ->> 'schema_version', schema_version(), 'DETAIL says which version the schema has');
select pg_temp.refused('select require_api(api => null)', 'LH010', 'api: null');
select pg_temp.refused('select require_api(api => 0)', 'LH010', 'api: zero');
select pg_temp.refused('select require_api(api => -1)', 'LH010', 'api: negative');
select pg_temp.changes_nothing('select require_api(api => 1)', 'asking changes nothing');

select * from finish();
rollback;
