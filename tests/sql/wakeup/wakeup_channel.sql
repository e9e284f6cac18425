-- wakeup_channel registers a session that waits for work of these capabilities. The arrival of a notification takes two sessions: tests/py.

begin;
\ir ../include/support.sql
select plan(58);

-- Behaviour --------------------------------------------------------------------------------------

select channel, reliable from wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 min') \gset
select ok(not :'reliable', 'the call that registers is not reliable yet: a submit may have missed it');
select cmp_ok(octet_length(:'channel'), '<=', 63, 'the channel fits into a name');
select matches(:'channel'::text, '^[a-z0-9_]+$', 'the channel needs no quotes');
select lives_ok(format('listen %s', :'channel'), 'a session can listen on the channel');
select is((select count(*) from waiter where until > now()), 2::bigint, 'the registration stands under each stem');

select is((wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 min')).channel, :'channel', 'the same capabilities have the same channel');
select is((wakeup_channel(capabilities => '{ab.two.%,ab.one}', until => now() + interval '1 min')).channel, :'channel', 'their order does not matter');
select is((wakeup_channel(capabilities => '{ab.two.%,ab.one,ab.one}', until => now() + interval '1 min')).channel, :'channel', 'repetitions do not matter either');
select pg_temp.changes_nothing($$ select wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 min') $$, 'a repeated call writes nothing');
select ok(not (wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 min')).reliable,
    'within the transaction that registers it is never reliable: no other transaction can see the registration');
update waiter set reliable = true;
select ok((wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 min')).reliable,
    'once an earlier call found that all transactions that may have missed the registration have ended, it is reliable');
select is((wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 hour')).channel, :'channel', 'a longer wait has the same channel');
select is((select count(*) from waiter where until > now() + interval '59 min'), 2::bigint, 'a longer wait is registered anew');

select isnt((wakeup_channel(capabilities => '{ab.one}', until => now() + interval '1 min')).channel, :'channel', 'other capabilities have another channel');
select isnt((wakeup_channel(capabilities => '{ab.two.%}', until => now() + interval '1 min')).channel, :'channel', 'fewer capabilities have another channel');

-- lists that look alike are distinguished: a need may contain a comma
select wakeup_channel(capabilities => '{"ab.x,ab.y"}', until => now() + interval '1 min');
select wakeup_channel(capabilities => '{ab.x,ab.y}', until => now() + interval '1 min');
select ok(exists (select from waiter where stem = 'ab.x') and exists (select from waiter where stem = 'ab.y'),
    'a registration for "ab.x,ab.y" is not one for ab.x and ab.y');

select lives_ok($$ select wakeup_channel(capabilities => array(select 'ab.many.n' || n from generate_series(1, 1000) as n), until => now() + interval '1 min') $$,
    'a thousand capabilities are accepted');
select lives_ok(format('select wakeup_channel(capabilities => array[%L], until => now() + interval %L)', repeat('x', 200), '1 day'), 'a capability of 200 bytes and a wait of a day are accepted');
select lives_ok(format('select wakeup_channel(capabilities => array[%L], until => now() + interval %L)', a.value, '1 min'), 'a capability of ' || a.value || ' is accepted')
from (values ('%'), ('ü.日本%'), ('a''b"c%'), ('a,b'), ('_%')) as a (value);

-- The number of registrations that a submit must read is bounded, however many workers wait -------

select wakeup_channel(capabilities => '{ac.a%,ac.b%,ac.c%,ac.d%,ac.whole}', until => now() + interval '1 min');
select results_eq(
    $$ select stem, prefixes from listener where stem in ('ac.', 'ac.whole') order by stem $$,
    $$ values ('ac.' collate "C", '{ac.a%,ac.b%,ac.c%,ac.d%}'::text[] collate "C"), ('ac.whole', null) $$,
    'prefixes that end inside a part are filed together, under its complete parts'
);
select channel from wakeup_channel(capabilities => '{ad.a%,ad.b%,ad.c%,ad.d%,ad.e%}', until => now() + interval '1 min') \gset
select results_eq($$ select prefixes from listener where stem = 'ad.' $$, $$ values (null::text[]) $$, 'more than four such prefixes count as one that covers everything under these parts');
select _wake_waiters('{ad.x}');
select is_empty(format('select from waiter where channel = %L', :'channel'), 'any job under these parts then wakes it');

select count(wakeup_channel(capabilities => array(select 'e' || r || 'p' || n || '%' from generate_series(1, 1000) as n), until => now() + interval '1 day'))
from generate_series(1, 300) as r;
select is((select count(*) from waiter where stem = ''), 255::bigint, 'of 300 sets of 1,000 prefixes without a dot, those that fit are registered, each as one row');
select is((select count(distinct channel) from listener where stem = ''), 256::bigint, 'they are known: 256 channels, one from above among them');
select is((wakeup_channel(capabilities => '{f%}', until => now() + interval '1 min')).reliable, false, 'the others are told to poll');
select is_empty($$ select from listener where prefixes = '{f%}' $$, 'the others are not registered');
select is((wakeup_channel(capabilities => '{f.%}', until => now() + interval '1 min')).reliable, false, 'another stem …');
select isnt_empty($$ select from waiter where stem = 'f.' $$, '… has room for its own');
select wakeup_channel(capabilities => '{e1p1%}', until => now() + interval '1 min');
delete from waiter where channel = (wakeup_channel(capabilities => '{%}', until => now() + interval '1 min')).channel;
select wakeup_channel(capabilities => '{%}', until => now() + interval '1 min');
select isnt_empty(format('select from waiter where channel = %L', (wakeup_channel(capabilities => '{%}', until => now() + interval '1 min')).channel),
    'a session that is already registered may wait again');
select cmp_ok((select max(cardinality(prefixes)) from listener), '<=', 4, 'no stem has more than four prefixes');

-- a submit finds the waiting workers
select lives_ok($$ select submit(next_need => 'ab.one') $$, 'a submit that wakes a worker is a submit like any other');

-- sweep removes what is over
update waiter set until = now() - interval '2 min';
update listener set known_until = now() - interval '2 min' where stem = '';
select sweep();
select is_empty('select from waiter', 'sweep removes expired registrations');
select is_empty($$ select from listener where stem = '' $$, 'it removes channels that nobody has asked for in days');
select isnt_empty('select from listener', 'it removes no others');

-- Refusals ---------------------------------------------------------------------------------------

select pg_temp.refused(format('select wakeup_channel(capabilities => %s, until => now() + interval %L)', a.value, '1 min'), 'LH010', 'capabilities: ' || a.name)
from (
    values ('null', 'null'), ('''{}''', 'empty'), ('array[null]::text[]', 'a null'), ('array[''a'', null]', 'a null among others'), ('array['''']', 'an empty one'),
        ('array[array[''a'']]', 'two dimensions'), ('array[''a..b'']', 'an empty part'), ('array[''a b'']', 'white space'), ('array[''a b%'']', 'white space in a prefix'),
        ('array[repeat(''x'', 201)]', 'too long'), ('array[repeat(''x'', 201) || ''%'']', 'a prefix that is too long'), ('array_fill(''a''::text, array[1001])', 'too many')
) as a (value, name);
select pg_temp.refused(format('select wakeup_channel(capabilities => %L, until => %s)', '{a}', a.value), 'LH010', 'until: ' || a.name)
from (
    values ('null', 'null'), ('''infinity''', 'infinite'), ('''-infinity''', 'minus infinite'), ('clock_timestamp() - interval ''1 s''', 'past'), ('''2020-01-01''', 'far in the past'),
        ('''0044-03-15 BC''', 'before Christ'), ('clock_timestamp() + interval ''25 h''', 'more than a day ahead'), ('''294000-01-01''', 'beyond what clients can hold')
) as a (value, name);

select * from finish();
rollback;
