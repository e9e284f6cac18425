-- settings: every setting, its value in force and its default.

begin;
\ir ../include/support.sql
select plan(7);

select results_eq(
    'select name from settings()',
    $$ values ('max_attempts'), ('max_checkpoint_bytes'), ('max_crashes'), ('max_lease'), ('max_payload_bytes'), ('max_result_bytes'), ('retry') $$,
    'it lists all settings, by name'
);
select is_empty('select from settings() where value is distinct from default_value', 'at first each has its default');
select is_empty($$ select from settings() where coalesce(description, '') = '' $$, 'each has a description');
select is_empty('select from settings() where value <> setting(name => name)', 'setting() returns the same values');
select set_setting(name => 'max_crashes', value => '5');
select results_eq($$ select value, default_value from settings() where name = 'max_crashes' $$, $$ values ('5', '3') $$, 'a changed setting shows both values');
select is((select count(*) from settings() where value <> default_value), 1::bigint, 'no other setting changed');
select pg_temp.changes_nothing('select settings()', 'asking changes nothing');

select * from finish();
rollback;
