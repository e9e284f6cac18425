-- settle: acknowledges a batch.

begin;
select plan(158);
\ir ../include/support.sql
\ir ../include/named.sql

-- One element: a name stands for the job and its lease.
create function pg_temp.says(name text, verb text, arguments jsonb default '{}') returns jsonb language sql as $says$
    select jsonb_build_object('job_id', pg_temp.job(name), 'lease_id', pg_temp.lease(name), 'verb', verb) || arguments;
$says$;

-- Behaviour -------------------------------------------------------------------------------------------

select count(pg_temp.held(n)) from unnest('{completes,fails,releases,moves,extends}'::text[]) as n \gset
create temporary table said as
select s.*, row_number() over () as nth
from settle(done => jsonb_build_array(
    pg_temp.says('moves', 'reschedule', '{"next_need": "b.moves", "payload": {"n": 2}, "available_at": "2100-01-01T00:00:00Z"}'),
    pg_temp.says('completes', 'complete', '{"result": {"sent": 1}}'),
    pg_temp.says('fails', 'fail', '{"error": "no answer", "retry_after": "2 hours", "error_code": "E17"}'),
    pg_temp.says('releases', 'release'),
    pg_temp.says('extends', 'extend', '{"lease": "10 minutes"}')
)) as s;
select results_eq(
    'select k.name, s.verb, s.ok, s.state, s.attempt from said as s join pg_temp.known as k using (job_id, lease_id) order by s.nth',
    $$
        values
        ('moves', 'reschedule', true, 'scheduled', 0), ('completes', 'complete', true, 'succeeded', null), ('fails', 'fail', true, 'scheduled', 1),
        ('releases', 'release', true, 'ready', 0), ('extends', 'extend', true, 'leased', null)
    $$,
    'it returns one row per element, in order, with the answer of its verb'
);
select is_empty(
    'select from said as s where s.error_code is not null or s.message is not null or s.detail is not null or s.hint is not null',
    'no row has an error'
);
select results_eq(
    $$ select i.state, i.next_need, i.payload, i.available_at from job(pg_temp.job('moves')) as i $$,
    $$ values ('scheduled', 'b.moves', jsonb '{"n": 2}', timestamptz '2100-01-01 00:00+00') $$,
    'reschedule applied its arguments'
);
select results_eq(
    $$ select i.state, i.result from job(pg_temp.job('completes')) as i $$, $$ values ('succeeded', jsonb '{"sent": 1}') $$, 'complete, too'
);
select results_eq(
    $$
        select i.state, i.error, i.error_code, i.available_at - clock_timestamp() between interval '7195 s' and interval '2 hours'
        from job(pg_temp.job('fails')) as i
    $$,
    $$ values ('scheduled', 'no answer', 'E17', true) $$,
    'so did fail'
);
select is(
    (select s.available_at from said as s where s.verb = 'fail'), (job(pg_temp.job('fails'))).available_at, 'its answer has the time of the next try'
);
select results_eq(
    $$ select i.state, i.attempt from job(pg_temp.job('releases')) as i $$, $$ values ('ready', 0) $$, 'release gave its job back'
);
select results_eq(
    $$ select i.lease_expires_at, i.lease_expires_at > clock_timestamp() + interval '9 minutes' from job(pg_temp.job('extends')) as i $$,
    $$ select s.lease_expires_at, true from said as s where s.verb = 'extend' $$,
    'extend moved the end of its lease'
);
select is_empty($$ select * from settle('[]') $$, 'an empty batch is answered by no rows');

-- The parameters of each verb -----------------------------------------------------------------------------

select count(pg_temp.held(n)) from unnest('{p1,p2,p3,p4,p5,p6,p7,p8}'::text[]) as n \gset
select settle(jsonb_build_array(pg_temp.says('p1', 'complete'))) \gset
select is((job(pg_temp.job('p1'))).result, null, 'complete without a result');
select settle(jsonb_build_array(pg_temp.says('p2', 'fail', '{"retryable": false}'))) \gset
select results_eq(
    $$ select i.state, i.dead_reason from job(pg_temp.job('p2')) as i $$, $$ values ('dead', 'not_retryable') $$, 'fail, not retryable, without an error'
);
select settle(jsonb_build_array(pg_temp.says('p3', 'release', '{"available_at": "2100-01-01T00:00:00+00:00"}'))) \gset
select is((job(pg_temp.job('p3'))).available_at, '2100-01-01 00:00+00', 'release for later');
select settle(jsonb_build_array(
    pg_temp.says(
        'p4', 'reschedule',
        jsonb_build_object(
            'wait_for', jsonb_build_array(pg_temp.job('p3')), 'priority', 7, 'expires_at', '2101-01-01T00:00:00Z', 'max_attempts', 9,
            'retry', '{"kind": "fixed"}'::jsonb, 'on_dependency_failure', 'release'
        )
    )
)) \gset
select results_eq(
    $$ select i.state, i.wait_for, i.priority, i.expires_at, i.max_attempts, i.retry, i.on_dependency_failure from job(pg_temp.job('p4')) as i $$,
    $$
        values (
            'blocked', array[pg_temp.job('p3')], 7, timestamptz '2101-01-01 00:00+00', 9, jsonb '{"kind": "fixed"}', 'release'
        )
    $$,
    'every parameter of reschedule'
);
select ok(
    (
        select s.lease_expires_at - clock_timestamp() between interval '55 s' and interval '60 s'
        from settle(jsonb_build_array(pg_temp.says('p5', 'extend'))) as s
    ),
    'the default of extend is one minute'
);
select pg_temp.run_out(pg_temp.job('p6')) \gset
select ok((select s.ok from settle(jsonb_build_array(pg_temp.says('p6', 'complete'))) as s), 'an expired lease that nobody has reclaimed');
select results_eq(
    $$ select s.state from settle(jsonb_build_array(pg_temp.says('p7', 'extend'), pg_temp.says('p7', 'complete'))) as s $$,
    $$ values ('leased'), ('succeeded') $$,
    'several verbs for one job are applied in their order'
);
select is(
    (select upper(s.job_id::text) from settle(jsonb_build_array(
        pg_temp.says('p8', 'complete') || jsonb_build_object('job_id', upper(pg_temp.job('p8')::text))
    )) as s),
    upper(pg_temp.job('p8')::text),
    'ids may be written in capitals'
);
select pg_temp.held('stop') \gset
select cancel(pg_temp.job('stop'), 'operator') \gset
select results_eq(
    $$ select s.ok, s.state from settle(jsonb_build_array(pg_temp.says('stop', 'fail', '{"error": "no"}'))) as s $$,
    $$ values (true, 'cancelled') $$,
    'if cancellation was requested, fail ends the job cancelled'
);

-- Strict: an error undoes the whole call --------------------------------------------------------------------

select count(pg_temp.held(n)) from unnest('{good1,good2,stopped,done}'::text[]) as n \gset
select cancel(pg_temp.job('stopped'), 'operator') \gset
select complete(pg_temp.job('done'), pg_temp.lease('done')) \gset
select pg_temp.lost('lost') \gset
select pg_temp.queued('queued') \gset
update pg_temp.known set lease_id = gen_random_uuid() where name = 'queued';
insert into pg_temp.known values ('nobody', gen_random_uuid(), gen_random_uuid());
select pg_temp.refused(
    format(
        $$ select settle(jsonb_build_array(pg_temp.says('good1', 'complete'), pg_temp.says(%L, %L), pg_temp.says('good2', 'complete'))) $$,
        v.name, v.verb
    ),
    v.code, format('strict: %s raises %s', v.test, v.code)
)
from (values
    ('lost', 'complete', 'LH001', 'a reclaimed lease'),
    ('queued', 'complete', 'LH002', 'an unknown lease'),
    ('nobody', 'complete', 'LH003', 'an unknown job'),
    ('stopped', 'extend', 'LH007', 'extending after a request for cancellation'),
    ('done', 'fail', 'LH008', 'failing a job that succeeded'),
    ('done', 'complete', 'LH018', 'completing again')
) as v (name, verb, code, test);
select results_eq(
    $$ select pg_temp.state_of(n) from unnest('{good1,good2}'::text[]) as n $$, $$ values ('leased'), ('leased') $$,
    'the good elements before and after it are not done either'
);
select pg_temp.refused(
    $$ select settle(jsonb_build_array(pg_temp.says('good1', 'complete'), pg_temp.says('good1', 'complete'))) $$, 'LH018',
    'strict: the same end twice in one batch raises LH018'
);

-- Not strict: an error is answered in its own row -------------------------------------------------------------

create temporary table mixed as
select s.*, row_number() over () as nth
from settle(
    jsonb_build_array(
        pg_temp.says('lost', 'complete'), pg_temp.says('good1', 'complete', '{"result": 1}'), pg_temp.says('queued', 'release'),
        pg_temp.says('nobody', 'fail', '{"error": "no"}'), pg_temp.says('stopped', 'reschedule'), pg_temp.says('done', 'extend'),
        pg_temp.says('done', 'complete'), pg_temp.says('good2', 'release'), pg_temp.says('good1', 'complete')
    ),
    strict => false
) as s;
select results_eq(
    'select k.name, m.verb, m.ok, m.error_code, m.state from mixed as m join pg_temp.known as k using (job_id, lease_id) order by m.nth',
    $$
        values
        ('lost', 'complete', false, 'LH001', null), ('good1', 'complete', true, null, 'succeeded'), ('queued', 'release', false, 'LH002', null),
        ('nobody', 'fail', false, 'LH003', null), ('stopped', 'reschedule', false, 'LH007', null), ('done', 'extend', false, 'LH008', null),
        ('done', 'complete', false, 'LH018', null), ('good2', 'release', true, null, 'ready'), ('good1', 'complete', false, 'LH018', null)
    $$,
    'strict => false: each error is answered in its own row, in order'
);
select is_empty(
    $$
        select from mixed as m
        where not m.ok and (
            coalesce(m.message, '') = '' or coalesce(m.hint, '') = '' or (m.detail::jsonb ->> 'job_id')::uuid is distinct from m.job_id
        )
    $$,
    'each has its message, detail and hint'
);
select results_eq(
    $$ select pg_temp.state_of(n) from unnest('{good1,good2,stopped}'::text[]) as n $$, $$ values ('succeeded'), ('ready'), ('leased') $$,
    'the good elements are done, the other jobs are unchanged'
);
select pg_temp.changes_nothing(
    $$
        select settle(
            jsonb_build_array(
                pg_temp.says('lost', 'complete'), pg_temp.says('queued', 'release'), pg_temp.says('nobody', 'fail', '{"error": "no"}'),
                pg_temp.says('stopped', 'reschedule'), pg_temp.says('done', 'complete')
            ),
            false
        )
    $$,
    'an element that is answered with a code changes no row'
);
select results_eq(
    $$ select s.ok, s.state from settle(jsonb_build_array(pg_temp.says('good2', 'release')), false) as s $$, $$ values (true, 'ready') $$,
    'a repeated release is answered as before'
);

-- Invalid arguments of a verb: LH010 or LH011, in their own row where the call is not strict -----------------------

create temporary table wrong (verb text, arguments jsonb, code text, test text);
insert into wrong values
('fail', '{"error": "no", "retryable": "yes"}', 'LH010', 'a retryable that is a text'),
('fail', '{"error": "no", "retryable": "true"}', 'LH010', 'a retryable that is a text that looks like a boolean'),
('fail', '{"error": "no", "retryable": 1}', 'LH010', 'a retryable that is a number'),
('fail', '{"error": "no", "retryable": []}', 'LH010', 'a retryable that is a list'),
('fail', '{"error": "no", "retry_after": "soon"}', 'LH010', 'a retry_after that is not an interval'),
('fail', '{"error": "no", "retry_after": {}}', 'LH010', 'a retry_after that is an object'),
('fail', '{"error": "no", "retry_after": "-1 s"}', 'LH010', 'a negative retry_after'),
('fail', '{"error": "no", "retry_after": "1000000000000 years"}', 'LH010', 'a retry_after that is too large'),
('extend', '{"lease": "long"}', 'LH010', 'a lease that is not an interval'),
('extend', '{"lease": "0 s"}', 'LH010', 'a lease of zero'),
('extend', '{"lease": "8 days"}', 'LH010', 'a lease above the setting'),
('extend', '{"lease": []}', 'LH010', 'a lease that is a list'),
('release', '{"available_at": "tomorrow morning"}', 'LH010', 'an available_at that is not a time'),
('release', '{"available_at": "infinity"}', 'LH010', 'an infinite available_at'),
('release', '{"available_at": {}}', 'LH010', 'an available_at that is an object'),
('release', '{"available_at": "2126-11-29T12:00:00"}', 'LH010', 'an available_at that has no offset'),
('release', '{"available_at": "tomorrow"}', 'LH010', 'an available_at that depends on the present day'),
('reschedule', '{"available_at": "2126-11-29"}', 'LH010', 'an available_at that is a date'),
('reschedule', '{"expires_at": "2126-11-29 12:00 Europe/Berlin"}', 'LH010', 'an expires_at with the name of a zone'),
('release', '{"available_at": "2026-02-30T00:00:00Z"}', 'LH010', 'a date that does not exist'),
('reschedule', '{"next_need": ""}', 'LH010', 'an empty need'),
('reschedule', '{"next_need": "a b"}', 'LH010', 'a need with a space'),
('reschedule', '{"payload": []}', 'LH010', 'a payload that is a list'),
('reschedule', '{"wait_for": "x"}', 'LH010', 'a wait_for that is a text'),
('reschedule', '{"wait_for": ["x"]}', 'LH010', 'a wait_for of a text that is not a uuid'),
('reschedule', '{"wait_for": [null]}', 'LH010', 'a null in wait_for'),
('reschedule', '{"wait_for": [["00000000-0000-7000-8000-000000000001"]]}', 'LH010', 'a wait_for of two dimensions'),
('reschedule', '{"wait_for": {}}', 'LH010', 'a wait_for that is an object'),
('reschedule', '{"wait_for": ["00000000-0000-7000-8000-000000000001"]}', 'LH004', 'waiting for an unknown job'),
('reschedule', '{"priority": 1.5}', 'LH010', 'a fractional priority'),
('reschedule', '{"priority": "high"}', 'LH010', 'a priority that is not a number'),
('reschedule', '{"priority": 99999999999}', 'LH010', 'a priority that is too large for an integer'),
('reschedule', '{"priority": 1000}', 'LH010', 'a priority above 999'),
('reschedule', '{"max_attempts": 0}', 'LH010', 'a max_attempts of zero'),
('reschedule', '{"expires_at": "2001-01-01T00:00:00Z"}', 'LH010', 'an expires_at that has passed'),
('reschedule', '{"retry": "often"}', 'LH010', 'a policy that is a text'),
('reschedule', '{"on_dependency_failure": "ignore"}', 'LH010', 'an unknown on_dependency_failure'),
('complete', jsonb_build_object('result', repeat('x', 1048576)), 'LH011', 'a result that is too large'),
('reschedule', jsonb_build_object('payload', jsonb_build_object('x', repeat('x', 1048576))), 'LH011', 'a payload that is too large');
select count(pg_temp.held(n)) from unnest('{x,y}'::text[]) as n \gset
select pg_temp.refused(
    format($$ select settle(jsonb_build_array(pg_temp.says('y', 'complete'), pg_temp.says('x', %L, %L))) $$, w.verb, w.arguments),
    w.code, format('strict: %s: %s', w.test, w.code)
)
from wrong as w;
create function pg_temp.code_of(verb text, arguments jsonb) returns text language plpgsql as $code_of$
begin
    -- raised, so that an element which is not refused is undone and spoils no other
    raise exception '%', (select s.error_code from settle(jsonb_build_array(pg_temp.says('x', verb, arguments)), false) as s)
        using errcode = 'TAP00';
exception
    when sqlstate 'TAP00' then
        return sqlerrm;
    when others then
        return 'raised ' || sqlstate;
end
$code_of$;
select set_eq(
    'select w.test, pg_temp.code_of(w.verb, w.arguments) from wrong as w', 'select w.test, w.code from wrong as w',
    'strict => false: the same codes, each in its own row'
);
select results_eq(
    $$ select pg_temp.state_of(n) from unnest('{x,y}'::text[]) as n $$, $$ values ('leased'), ('leased') $$, 'after all these refusals both leases are still current'
);

-- Malformed batches: refused, strict or not ------------------------------------------------------------------------

create temporary table no_batch (done text, test text);
insert into no_batch values
(null, 'a null batch'),
('null', 'a JSON null'),
('{}', 'an object'),
('"x"', 'a text'),
('[1]', 'a number as an element'),
('[null]', 'a null as an element'),
('[[]]', 'an array as an element'),
('[{}]', 'an empty object as an element'),
((jsonb_build_array(pg_temp.says('x', 'complete') - 'verb'))::text, 'an element without a verb'),
((jsonb_build_array(pg_temp.says('x', 'complete') - 'lease_id'))::text, 'an element without a lease_id'),
((jsonb_build_array(pg_temp.says('x', 'complete') - 'job_id'))::text, 'an element without a job_id'),
((jsonb_build_array(pg_temp.says('x', 'complete', '{"job_id": null}')))::text, 'an element whose job_id is null'),
((jsonb_build_array(pg_temp.says('x', 'complete', '{"job_id": "x"}')))::text, 'an element whose job_id is not a uuid'),
((jsonb_build_array(pg_temp.says('x', 'complete', '{"lease_id": []}')))::text, 'an element whose lease_id is a list'),
((jsonb_build_array(pg_temp.says('x', 'complete', '{"verb": null}')))::text, 'an element whose verb is null'),
((jsonb_build_array(pg_temp.says('x', 'complete', '{"verb": ""}')))::text, 'an element whose verb is empty'),
((jsonb_build_array(pg_temp.says('x', 'complete', '{"verb": 5}')))::text, 'an element whose verb is a number'),
((jsonb_build_array(pg_temp.says('x', 'cancel')))::text, 'an element with an unknown verb'),
((jsonb_build_array(pg_temp.says('x', 'COMPLETE')))::text, 'a verb in capitals'),
((jsonb_build_array(pg_temp.says('x', 'complete', '{"error": "no"}')))::text, 'an element with a key that its verb does not know'),
((jsonb_build_array(pg_temp.says('x', 'release', '{"ACTOR": "me"}')))::text, 'an element with a key that no verb knows'),
((select jsonb_agg(pg_temp.says('x', 'extend')) from generate_series(1, 1001))::text, 'more than a thousand elements'),
((jsonb_build_array(pg_temp.says('y', 'complete'), pg_temp.says('x', 'burn')))::text, 'one bad element after a good one');
select pg_temp.refused(format('select settle(%L, %L)', n.done, s.strict), 'LH010', format('%s, strict => %s: LH010', n.test, s.strict))
from no_batch as n, (values (true), (false)) as s (strict);
select is(
    (select count(*) from settle((select jsonb_agg(pg_temp.says('x', 'extend')) from generate_series(1, 1000))) as s where s.ok), 1000::bigint,
    'a thousand elements are accepted'
);

-- A large batch ----------------------------------------------------------------------------------------------------------

select count(submit('batch')) from generate_series(1, 300) \gset
create temporary table batch as select w.* from get_work('worker', '{batch}', limit_jobs => 300) as w;
select is(
    (
        select count(*)
        from settle((
            select jsonb_agg(jsonb_build_object('job_id', b.job_id, 'lease_id', b.lease_id, 'verb', 'complete', 'result', b.fence)) from batch as b
        )) as s
        where s.ok
    ),
    300::bigint, 'three hundred are completed in one call'
);
select is(
    (select count(*) from batch as b, job(b.job_id) as i where i.state = 'succeeded' and i.result = to_jsonb(b.fence)), 300::bigint,
    'each job has its own result'
);

-- Elements that are not quite plain, among plain ones ---------------------------------------------------------------------

select count(pg_temp.held(n)) from unnest('{n1,n2,n3,n4,n5,n6,n7,n8,n9}'::text[]) as n \gset
create temporary table blend as
select s.*, row_number() over () as nth
from settle(
    jsonb_build_array(
        pg_temp.says('n9', 'complete'), pg_temp.says('n1', 'complete', '{"result": null}'),
        pg_temp.says('n2', 'complete', jsonb_build_object('result', repeat('x', 5000))), pg_temp.says('n3', 'fail', '{"error": "no", "retryable": false}'),
        pg_temp.says('n4', 'complete', jsonb_build_object('job_id', upper(pg_temp.job('n4')::text))),
        pg_temp.says('n5', 'complete', jsonb_build_object('lease_id', '{' || replace(pg_temp.lease('n5')::text, '-', '') || '}')),
        pg_temp.says('n6', 'complete', jsonb_build_object('result', repeat('x', 1048576))), pg_temp.says('n7', 'release'), pg_temp.says('n8', 'complete')
    ),
    strict => false
) as s;
select results_eq(
    'select k.name, b.verb, b.ok, b.state, b.error_code from blend as b join pg_temp.known as k using (job_id, lease_id) order by b.nth',
    $$
        values
        ('n9', 'complete', true, 'succeeded', null), ('n1', 'complete', true, 'succeeded', null), ('n2', 'complete', true, 'succeeded', null),
        ('n3', 'fail', true, 'dead', null), ('n4', 'complete', true, 'succeeded', null), ('n5', 'complete', true, 'succeeded', null),
        ('n6', 'complete', false, null, 'LH011'), ('n7', 'release', true, 'ready', null), ('n8', 'complete', true, 'succeeded', null)
    $$,
    'answers are in the order of the elements, whichever way each was done'
);
select is((job(pg_temp.job('n1'))).result, 'null', 'a result of JSON null stays JSON null');
select is((job(pg_temp.job('n9'))).result, null, 'a missing result is null');
select is((job(pg_temp.job('n2'))).result, to_jsonb(repeat('x', 5000)), 'a large result is kept');
select is(pg_temp.state_of('n6'), 'leased', 'a result that is too large leaves its job leased');
select count(submit('backwards')) from generate_series(1, 5) \gset
create temporary table backwards as select w.job_id, w.lease_id, 'complete' as verb from get_work('worker', '{backwards}', limit_jobs => 5) as w;
select results_eq(
    $$ select s.job_id from settle((select jsonb_agg(to_jsonb(b) order by b.job_id desc) from backwards as b)) as s $$,
    'select b.job_id from backwards as b order by b.job_id desc',
    'answers are in the order of the elements, not of the ids'
);

-- A batch of one -------------------------------------------------------------------------------------------------------

-- said is merged into a complete; kept is the result that the job has then, or else the code that is raised
create temporary table alone (name text, said jsonb, kept text, test text);
insert into alone values
('a1', '{}', null, 'no result'),
('a2', '{"result": null}', 'null', 'a result of JSON null'),
('a3', '{"result": {"result": 1, "lease_id": "x", "verb": "fail"}}', '{"verb": "fail", "result": 1, "lease_id": "x"}', 'a result that contains the words of an element'),
('a4', '{"result": "\"result\": \"x\", \\"}', '"\"result\": \"x\", \\"', 'a result that looks like an element'),
('a5', to_jsonb(repeat('é', 511)), '"' || repeat('é', 511) || '"', 'a result of 1,024 bytes'),
('a6', to_jsonb(repeat('é', 512)), '"' || repeat('é', 512) || '"', 'a result of 1,026 bytes'),
('b1', '{"retries": 1}', 'LH010', 'an unknown key'),
('b2', '{"result": 1, "retries": 1}', 'LH010', 'an unknown key beside a result'),
('b3', '{"result": 1, "reason": "\"result\": 1, "}', 'LH010', 'an unknown key that looks like a result'),
('b4', '{"job_id": "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"}', 'LH010', 'a job_id that is not a uuid'),
('b5', '{"lease_id": "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"}', 'LH010', 'a lease_id that is not a uuid'),
('b6', '{"lease_id": "00000000-0000-7000-8000-000000000001"}', 'LH002', 'an unknown lease of this job'),
('b7', '{"job_id": "a0ee-bc99-9c0b-4ef8-bb6d6bb9bd380a11"}', 'LH010', 'a job_id with its hyphens in other places');
update alone set said = jsonb_build_object('result', said) where jsonb_typeof(said) <> 'object';
select count(pg_temp.held(a.name)) from alone as a \gset
create function pg_temp.alone(name text, said jsonb) returns text language plpgsql as $alone$
begin
    perform settle(jsonb_build_array(pg_temp.says(name, 'complete') || said));
    return (job(pg_temp.job(name))).result::text;
exception
    when others then
        return sqlstate;
end
$alone$;
select is(pg_temp.alone(a.name, a.said), a.kept, 'alone: ' || a.test) from alone as a order by a.name;
select is(pg_temp.state_of(a.name), case when a.name like 'a%' then 'succeeded' else 'leased' end, 'then: ' || a.test) from alone as a order by a.name;
create function pg_temp.respelt(name text, key text, instead text) returns text language plpgsql as $respelt$
begin
    perform settle(replace(jsonb_build_array(pg_temp.says(name, 'complete'))::text, key, instead)::jsonb);
    return pg_temp.state_of(name);
exception
    when others then
        return sqlstate;
end
$respelt$;
select is(pg_temp.respelt('b1', r.key, r.instead), 'LH010', 'alone, a misspelt key: ' || r.instead)
from (values ('"job_id"', '"job-id"'), ('"job_id"', '"jobXid"'), ('"lease_id"', '"lease id"')) as r (key, instead);
select set_setting('max_result_bytes', '1024');
select is(pg_temp.alone('b2', jsonb_build_object('result', repeat('x', 1023))), 'LH011', 'alone, a result of 1,025 bytes where 1,024 are allowed');
select is(pg_temp.alone('b2', jsonb_build_object('result', repeat('x', 1022))), to_json(repeat('x', 1022))::text, 'a result of 1,024 bytes');

select * from finish();
rollback;
