-- schema_version: the version of the installed functions.

begin;
select plan(3);

select matches(schema_version(), '^[0-9]+\.[0-9]+\.[0-9]+$', 'major.minor.patch');
select is(split_part(schema_version(), '.', 1), '1', 'the major version is the API that it serves');
select is(require_api(api => 1), schema_version(), 'require_api returns the same version');

select * from finish();
rollback;
