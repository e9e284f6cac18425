-- wakeup_channel registers a session that waits for work of these capabilities. That a notification arrives takes two sessions: tests/py.

begin;
\ir ../include/support.sql
select plan(58);

-- What it does -----------------------------------------------------------------------------------

select channel, reliable from wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 min') \gset
select ok(not :'reliable', 'the call that registers is not reliable yet: a submit may have missed it');
select cmp_ok(octet_length(:'channel'), '<=', 63, 'the channel fits into a name');
select matches(:'channel'::text, '^[a-z0-9_]+$', 'and needs no quotes');
select lives_ok(format('listen %s', :'channel'), 'one can listen to it');
select is((select count(*) from waiter where until > now()), 2::bigint, 'it is registered under each stem');

select is((wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 min')).channel, :'channel', 'the same capabilities have the same channel');
select is((wakeup_channel(capabilities => '{ab.two.%,ab.one}', until => now() + interval '1 min')).channel, :'channel', 'in any order');
select is((wakeup_channel(capabilities => '{ab.two.%,ab.one,ab.one}', until => now() + interval '1 min')).channel, :'channel', 'and however often');
select pg_temp.changes_nothing($$ select wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 min') $$, 'a call again writes nothing');
select ok(not (wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 min')).reliable,
    'within the transaction that registers it is never reliable: no other transaction can see the registration');
update waiter set reliable = true;
select ok((wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 min')).reliable,
    'once an earlier call saw that every transaction that may have missed the registration has ended, it is reliable');
select is((wakeup_channel(capabilities => '{ab.one,ab.two.%}', until => now() + interval '1 hour')).channel, :'channel', 'a longer wait has the same channel');
select is((select count(*) from waiter where until > now() + interval '59 min'), 2::bigint, 'and is registered anew');

select isnt((wakeup_channel(capabilities => '{ab.one}', until => now() + interval '1 min')).channel, :'channel', 'other capabilities have another channel');
select isnt((wakeup_channel(capabilities => '{ab.two.%}', until => now() + interval '1 min')).channel, :'channel', 'so have fewer');

-- lists that look alike are not taken for one another: a need may hold a comma
select wakeup_channel(capabilities => '{"ab.x,ab.y"}', until => now() + interval '1 min');
select wakeup_channel(capabilities => '{ab.x,ab.y}', until => now() + interval '1 min');
select ok(exists (select from waiter where stem = 'ab.x') and exists (select from waiter where stem = 'ab.y'),
    'a registration for "ab.x,ab.y" is none for ab.x and ab.y');

select lives_ok($$ select wakeup_channel(capabilities => array(select 'ab.many.n' || n from generate_series(1, 1000) as n), until => now() + interval '1 min') $$,
    'a thousand capabilities are taken');
select lives_ok(format('select wakeup_channel(capabilities => array[%L], until => now() + interval %L)', repeat('x', 200), '1 day'), 'so are 200 bytes, and a day');
select lives_ok(format('select wakeup_channel(capabilities => array[%L], until => now() + interval %L)', a.value, '1 min'), 'a capability of ' || a.value || ' is taken')
from (values ('%'), ('ü.日本%'), ('a''b"c%'), ('a,b'), ('_%')) as a (value);

-- What any number of waiters can make a submit look at is bounded ---------------------------------

select wakeup_channel(capabilities => '{ac.a%,ac.b%,ac.c%,ac.d%,ac.whole}', until => now() + interval '1 min');
select results_eq(
    $$ select stem, prefixes from listener where stem in ('ac.', 'ac.whole') order by stem $$,
    $$ values ('ac.' collate "C", '{ac.a%,ac.b%,ac.c%,ac.d%}'::text[] collate "C"), ('ac.whole', null) $$,
    'prefixes that end inside a part are filed together, under its whole parts'
);
select channel from wakeup_channel(capabilities => '{ad.a%,ad.b%,ad.c%,ad.d%,ad.e%}', until => now() + interval '1 min') \gset
select results_eq($$ select prefixes from listener where stem = 'ad.' $$, $$ values (null::text[]) $$, 'more than four count as all that begins with these parts');
select _wake_waiters('{ad.x}');
select is_empty(format('select from waiter where channel = %L', :'channel'), 'which is rung, then, by any of it');

select count(wakeup_channel(capabilities => array(select 'e' || r || 'p' || n || '%' from generate_series(1, 1000) as n), until => now() + interval '1 day'))
from generate_series(1, 300) as r;
select is((select count(*) from waiter where stem = ''), 255::bigint, 'of 300 sets of 1,000 prefixes without a dot those are registered that fit, each as one row');
select is((select count(distinct channel) from listener where stem = ''), 256::bigint, 'and known: 256 channels, one from above among them');
select is((wakeup_channel(capabilities => '{f%}', until => now() + interval '1 min')).reliable, false, 'others are told to poll');
select is_empty($$ select from listener where prefixes = '{f%}' $$, 'and are not registered');
select is((wakeup_channel(capabilities => '{f.%}', until => now() + interval '1 min')).reliable, false, 'another stem …');
select isnt_empty($$ select from waiter where stem = 'f.' $$, '… has room for its own');
select wakeup_channel(capabilities => '{e1p1%}', until => now() + interval '1 min');
delete from waiter where channel = (wakeup_channel(capabilities => '{%}', until => now() + interval '1 min')).channel;
select wakeup_channel(capabilities => '{%}', until => now() + interval '1 min');
select isnt_empty(format('select from waiter where channel = %L', (wakeup_channel(capabilities => '{%}', until => now() + interval '1 min')).channel),
    'who is known already may wait again');
select cmp_ok((select max(cardinality(prefixes)) from listener), '<=', 4, 'nowhere more than four prefixes');

-- a submit finds who waits
select lives_ok($$ select submit(next_need => 'ab.one') $$, 'a submit that rings is a submit like any other');

-- sweep forgets who waited
update waiter set until = now() - interval '2 min';
update listener set known_until = now() - interval '2 min' where stem = '';
select sweep();
select is_empty('select from waiter', 'sweep removes what is over');
select is_empty($$ select from listener where stem = '' $$, 'channels that nobody has asked for in days as well');
select isnt_empty('select from listener', 'but no others');

-- What it refuses --------------------------------------------------------------------------------

select pg_temp.refused(format('select wakeup_channel(capabilities => %s, until => now() + interval %L)', a.value, '1 min'), 'LH010', 'capabilities: ' || a.name)
from (
    values ('null', 'null'), ('''{}''', 'empty'), ('array[null]::text[]', 'a null'), ('array[''a'', null]', 'a null among others'), ('array['''']', 'an empty one'),
        ('array[array[''a'']]', 'two dimensions'), ('array[''a..b'']', 'an empty part'), ('array[''a b'']', 'white space'), ('array[''a b%'']', 'white space in a prefix'),
        ('array[repeat(''x'', 201)]', 'too long'), ('array[repeat(''x'', 201) || ''%'']', 'a prefix that is too long'), ('array_fill(''a''::text, array[1001])', 'too many')
) as a (value, name);
select pg_temp.refused(format('select wakeup_channel(capabilities => %L, until => %s)', '{a}', a.value), 'LH010', 'until: ' || a.name)
from (
    values ('null', 'null'), ('''infinity''', 'infinite'), ('''-infinity''', 'minus infinite'), ('clock_timestamp() - interval ''1 s''', 'past'), ('''2020-01-01''', 'long past'),
        ('''0044-03-15 BC''', 'before Christ'), ('clock_timestamp() + interval ''25 h''', 'more than a day ahead'), ('''294000-01-01''', 'beyond what clients can hold')
) as a (value, name);

select * from finish();
rollback;
