-- setting: the value in force of one setting.

begin;
\ir ../include/support.sql
select plan(15);

select is(setting(name => s.name), s.value, s.name || ' has its documented default')
from (
    values ('max_attempts', '3'), ('max_checkpoint_bytes', '1048576'), ('max_crashes', '3'), ('max_lease', '7 days'), ('max_payload_bytes', '1048576'),
        ('max_result_bytes', '1048576')
) as s (name, value);
select is(setting(name => 'retry')::jsonb, '{"kind": "quadratic", "initial": "1 minute", "max": "1 day", "jitter": 0.1}',
    'retry is quadratic from one minute, 10 % jitter, cap one day');
select set_setting(name => 'max_attempts', value => '7');
select is(setting(name => 'max_attempts'), '7', 'a value from set_setting is in force');
select pg_temp.changes_nothing($$ select setting(name => 'max_attempts') $$, 'asking changes nothing');

select pg_temp.refused('select setting(name => null)', 'LH010', 'name: null');
select pg_temp.refused('select setting(name => '''')', 'LH010', 'name: empty');
select pg_temp.refused('select setting(name => ''speed'')', 'LH010', 'name: unknown');
select pg_temp.refused('select setting(name => ''MAX_ATTEMPTS'')', 'LH010', 'name: in capitals');
select pg_temp.refused('select setting(name => ''max_%'')', 'LH010', 'name: a pattern');
select pg_temp.refused('select setting(name => repeat(''x'', 100000))', 'LH010', 'name: too long');

select * from finish();
rollback;
