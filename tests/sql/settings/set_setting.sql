-- set_setting: sets one setting; null resets it to its default. Each setting has its documented effect.

begin;
\ir ../include/support.sql
select plan(135);

-- Behaviour --------------------------------------------------------------------------------------

select is(set_setting(name => 'max_attempts', value => '5'), '5', 'it returns the value in force');
select is(set_setting(name => 'max_attempts', value => null), '3', 'null resets to the default');
select is((select value from settings() where name = 'max_attempts'), '3', 'the default is then in force');

select set_setting(name => 'max_attempts', value => '1');
select job_id as one, lease_id as one_lease, max_attempts as one_max from pg_temp.leased('se.attempts') \gset
select is(:'one_max'::integer, 1, 'max_attempts: a job without a number of its own gets it');
select is((fail(job_id => :'one', lease_id => :'one_lease', error => 'no')).state, 'dead', 'it dies after that many attempts');
select submit(job_id => pg_temp.id(1), next_need => 'se.own', max_attempts => 2);
select is((job(pg_temp.id(1))).max_attempts, 2, 'a number of its own wins');

select set_setting(name => 'max_crashes', value => '1');
select submit(job_id => pg_temp.id(2), next_need => 'se.crashes', max_attempts => 10);
select from get_work(worker_id => 'w', capabilities => '{se.crashes}');
select pg_temp.run_out(pg_temp.id(2));
select sweep();
select is((job(pg_temp.id(2))).dead_reason, 'crash_loop', 'max_crashes: that many crashes in a row bury a job');

select set_setting(name => 'max_lease', value => '1 hour');
select submit(next_need => 'se.lease');
select pg_temp.refused($$ select get_work(worker_id => 'w', capabilities => '{se.lease}', lease => '61 min') $$, 'LH010', 'max_lease: a longer lease is refused');
select is((select count(*) from get_work(worker_id => 'w', capabilities => '{se.lease}', lease => '1 hour')), 1::bigint, 'a lease of exactly that length is granted');

select set_setting(name => 'max_payload_bytes', value => '2048');
select pg_temp.refused($$ select submit(next_need => 'se.payload', payload => jsonb_build_object('x', repeat('x', 2041))) $$, 'LH011',
    'max_payload_bytes: a larger payload is refused');
select lives_ok($$ select submit(next_need => 'se.payload', payload => jsonb_build_object('x', repeat('x', 2039))) $$, 'a payload of exactly that size is accepted');

select set_setting(name => 'retry', value => '{"kind": "fixed", "initial": "10 minutes", "jitter": 0}');
select job_id as retried, lease_id as retried_lease from submit(next_need => 'se.retry', max_attempts => 9) as s (submitted_id),
    lateral get_work(worker_id => 'w', capabilities => '{se.retry}') as w \gset
select ok((fail(job_id => :'retried', lease_id => :'retried_lease', error => 'no')).available_at between now() + interval '10 min' and clock_timestamp() + interval '10 min',
    'retry: a job without a policy of its own backs off by it');
select set_setting(name => 'retry', value => '{"retryable": ["again%"]}');
select submit(job_id => pg_temp.id(3), next_need => 'se.patterns');
select is((fail_unheld(job_id => pg_temp.id(3), actor => 'ann', error => 'no')).state, 'dead', 'retry: its patterns apply too');

-- a new default applies to an older job
select submit(job_id => pg_temp.id(4), next_need => 'se.older');
select set_setting(name => 'max_attempts', value => '8');
select is((job(pg_temp.id(4))).max_attempts, 8, 'a default is read when it is used, not when the job was submitted');

-- values at their limits
select lives_ok(format('select set_setting(name => %L, value => %L)', s.name, s.value), s.name || ': ' || s.value || ' is accepted')
from (
    values ('max_attempts', '1'), ('max_attempts', '10000'), ('max_payload_bytes', '1024'), ('max_lease', '1 s'), ('max_lease', '366 days'), ('retry', '{}'),
        ('retry', '{"kind": "exponential", "initial": "0", "multiplier": 1000, "max": "366 days", "jitter": 1, "retryable": []}')
) as s (name, value);

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.refused('select set_setting(name => null, value => ''1'')', 'LH010', 'name: null');
select pg_temp.refused('select set_setting(name => '''', value => ''1'')', 'LH010', 'name: empty');
select pg_temp.refused('select set_setting(name => ''speed'', value => ''1'')', 'LH010', 'name: unknown');
select pg_temp.refused('select set_setting(name => ''speed'', value => null)', 'LH010', 'name: unknown, also with null');
select pg_temp.refused('select set_setting(name => repeat(''x'', 100000), value => ''1'')', 'LH010', 'name: too long');
select pg_temp.refused('select set_setting(name => ''max_attempts'', value => repeat(''1'', 270000000))', 'LH010', 'value: far too long');
select pg_temp.refused(format('select set_setting(name => %L, value => %s)', s.name, v.value), 'LH010', format('value of %s: %s', s.name, v.value))
from (values ('max_attempts'), ('max_checkpoint_bytes'), ('max_crashes'), ('max_payload_bytes'), ('max_result_bytes')) as s (name),
    (values (''''''), ('''0'''), ('''-1'''), ('''x'''), ('''1.5'''), ('''1e3'''), ('''NaN'''), ('''infinity'''), ('''99999999999999999999'''), (''' 7'''), ('E''7\n''')) as v (value);
select pg_temp.refused(format('select set_setting(name => %L, value => %L)', s.name, s.value), 'LH010', format('value of %s: %s', s.name, s.value))
from (
    values ('max_attempts', '10001'), ('max_payload_bytes', '1023'), ('max_result_bytes', '1023'), ('max_checkpoint_bytes', '1023'), ('max_payload_bytes', '2147483648'),
        ('max_lease', ''), ('max_lease', '0'), ('max_lease', '-1 s'), ('max_lease', '1 month -31 days'), ('max_lease', '367 days'), ('max_lease', 'soon'), ('max_lease', 'infinity'),
        ('max_lease', '999999999999 years'), ('max_lease', '2147483647 years'),
        ('retry', ''), ('retry', 'x'), ('retry', 'null'), ('retry', '[]'), ('retry', '1'), ('retry', '{"kind": "sometimes"}'), ('retry', '{"kind": null}'), ('retry', '{"kind": 1}'),
        ('retry', '{"speed": 1}'), ('retry', '{"initial": "-1 s"}'), ('retry', '{"initial": 5}'), ('retry', '{"initial": null}'), ('retry', '{"initial": "soon"}'),
        ('retry', '{"initial": ""}'), ('retry', '{"initial": "infinity"}'), ('retry', '{"initial": "999999999 years"}'), ('retry', '{"max": "-1 s"}'), ('retry', '{"max": "2 years"}'),
        ('retry', '{"multiplier": 0}'), ('retry', '{"multiplier": -2}'), ('retry', '{"multiplier": "2"}'), ('retry', '{"multiplier": 1e400}'), ('retry', '{"multiplier": null}'),
        ('retry', '{"jitter": -0.1}'), ('retry', '{"jitter": 1.1}'), ('retry', '{"jitter": "x"}'), ('retry', '{"jitter": null}'),
        ('retry', '{"retryable": "x"}'), ('retry', '{"retryable": [1]}'), ('retry', '{"retryable": [null]}'), ('retry', '{"retryable": null}'), ('retry', '{"retryable": ["x\\"]}'),
        ('retry', '{"initial": "\u0000"}'), ('retry', '{"a": 1')
) as s (name, value);
select is((select array_agg(value order by name) from settings()), array['10000', '1048576', '1', '366 days', '1024', '1048576', setting('retry')],
    'after all these refusals every setting is unchanged');

-- Each act is recorded ----------------------------------------------------------------------------

select set_setting('max_crashes', '3', actor => 'ann');
select set_setting('max_crashes', '3', actor => 'bob');
select set_setting('max_crashes', null);
select is(
    (
        select jsonb_agg(jsonb_build_array(a.actor, a.login = session_user, a.verb, a.before, a.after) order by a.act_id)
        from (select * from act as a where a.target = 'max_crashes' order by a.act_id desc limit 2) as a
    ),
    jsonb_build_array(
        jsonb_build_array('ann', true, 'set_setting', '1', '3'),
        jsonb_build_array(session_user, true, 'set_setting', '3', null)
    ),
    'each change is recorded with its actor, or the login, and with the values before and after'
);
select pg_temp.refused('select set_setting(name => ''max_crashes'', value => ''2'', actor => '''')', 'LH010', 'actor: empty');
select pg_temp.refused('select set_setting(name => ''max_crashes'', value => ''2'', actor => repeat(''x'', 201))', 'LH010', 'actor: too long');
select is((select count(*) from act as a where a.after = '"2"'), 0::bigint, 'a refused act is not recorded');

select * from finish();
rollback;
