-- A null optional argument means its default: for every public function, in JSON, and in the view.

begin;
select plan(5);
\ir ../include/support.sql
\ir ../include/named.sql

-- Every optional argument of every public function: leaving it out and passing null give the same answer ---------------

-- Defaults for the arguments that a caller must give.
create temporary table said (function text, argument text, value text);
insert into said
select f.function, v.argument, format(v.value, k.kind)
from (
    values
        ('hold', '{complete,fail,release,reschedule,extend,results,checkpoint}'::text[]),
        ('wait', '{complete_unheld,fail_unheld,reschedule_unheld,cancel}'), ('dead', '{redrive}'), ('none', '{submit,get_work,turn,settle,extend_many,sweep,redrive_many}')
) as k (kind, functions)
cross join unnest(k.functions) as f (function)
cross join lateral (
    values
        ('job_id', $$ pg_temp.job('%s') $$), ('lease_id', $$ pg_temp.lease('%s') $$), ('actor', $$ 'ann' $$), ('error', $$ 'no' $$), ('name', $$ 'step' $$),
        ('next_need', $$ 'd.new' $$), ('worker_id', $$ 'worker' $$), ('capabilities', $$ '{a.ready.1,a.ready.2}' $$), ('capability', $$ 'a.dead.%%' $$),
        ('done', $$ jsonb_build_array(jsonb_build_object('verb', 'extend', 'job_id', pg_temp.job('hold'), 'lease_id', pg_temp.lease('hold'))) $$),
        ('leases', $$ jsonb_build_array(jsonb_build_object('job_id', pg_temp.job('hold'), 'lease_id', pg_temp.lease('hold'))) $$)
) as v (argument, value);
insert into said values ('set_setting', 'name', $$ 'max_crashes' $$), ('set_setting', 'value', $$ '3' $$);

-- The answer of a call and the state afterwards, without what differs each time: ids are made alike, times become minutes from now. The call is undone.
create function pg_temp.plainly(value text) returns text language plpgsql as $plainly$
declare
    v_time text;
begin
    value := regexp_replace(value, '[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}', 'id', 'g');
    value := regexp_replace(value, '([0-9]{2}:[0-9]{2}:[0-9]{2})[.][0-9]+"', '\1"', 'g');
    value := regexp_replace(value, '"fence": [0-9]+', '"fence": n', 'g');
    loop
        v_time := substring(value from '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+[+][0-9:]+');
        exit when v_time is null;
        value := replace(value, v_time, format('%s min', round(extract(epoch from v_time::timestamptz - clock_timestamp()) / 60)));
    end loop;
    return value;
end
$plainly$;

create function pg_temp.outcome(statement text) returns text language plpgsql as $outcome$
declare
    v_answer    jsonb;
    v_state     jsonb;
    v_code      text;
    v_message   text;
begin
    execute format('with said as (%s) select jsonb_agg(s) from said as s', statement) into v_answer;
    select jsonb_build_array(
        (select jsonb_agg(to_jsonb(j) - '{number,fence}'::text[] order by j.next_need, j.attempt, j.state) from job as j),
        (select jsonb_agg(to_jsonb(a) - 'fence' order by a.next_need) from archive as a),
        (select jsonb_agg(to_jsonb(h) - 'fence') from heartbeat as h),
        (select jsonb_agg(to_jsonb(h) - 'history_id' order by h.history_id) from history as h),
        (select jsonb_agg(c) from checkpoint as c),
        (select count(*) from dependency)
    ) into v_state;
    raise exception '%', pg_temp.plainly(v_answer || jsonb_build_array(v_state)::text) using errcode = 'TAP00';
exception
    when others then
        get stacked diagnostics v_code = returned_sqlstate, v_message = message_text;
        return format('%s: %s', v_code, v_message);
end
$outcome$;

select set_setting('retry', '{"kind": "fixed", "initial": "1 minute", "jitter": 0}') \gset
select count(pg_temp.queued(n)) from unnest('{dead.1,dead.2,hold,wait,ready.1,ready.2}'::text[]) as n \gset
select pg_temp.take('hold') \gset
select pg_temp.take('dead.1'), pg_temp.take('dead.2') \gset
select count(fail(pg_temp.job(n), pg_temp.lease(n), 'no', retryable => false)) from unnest('{dead.1,dead.2}'::text[]) as n \gset
select pg_temp.keep('dead', (pg_temp.job('dead.1'), true, 'dead', null)::submitted) \gset

create temporary view optional as
select p.proname::text as function, p.proargnames[: p.pronargs - p.pronargdefaults] as required, o.argument
from pg_proc as p
cross join unnest(p.proargnames[p.pronargs - p.pronargdefaults + 1 : p.pronargs]) as o (argument)
where p.pronamespace = 'leasehold'::regnamespace and p.proname !~ '^_' and p.pronargdefaults > 0;

create function pg_temp.call_of(function text, required text[], added text) returns text language sql as $call_of$
    select format('select * from %I(%s)', call_of.function, concat_ws(', ', string_agg(format('%s => %s', s.argument, s.value), ', '), added))
    from said as s
    where s.function = call_of.function and s.argument = any (required)
    having count(*) = cardinality(required)
$call_of$;

select is_empty(
    $$
        select o.function, o.argument, left(n.outcome, 200), left(d.outcome, 200)
        from optional as o
        cross join lateral (select pg_temp.outcome(pg_temp.call_of(o.function, o.required, format('%I => null', o.argument))) as outcome) as n
        cross join lateral (select pg_temp.outcome(pg_temp.call_of(o.function, o.required, null)) as outcome) as d
        where n.outcome is distinct from d.outcome or d.outcome !~ '^TAP00: ..' or pg_temp.call_of(o.function, o.required, null) is null
    $$,
    'a null optional argument of any public function means that it was left out'
);
select cmp_ok((select count(*) from optional), '>=', 57::bigint, 'the test covers every optional argument');

-- In JSON -----------------------------------------------------------------------------------------------------------------

select is_empty(
    $$
        select k.key, left(n.outcome, 200), left(d.outcome, 200)
        from jsonb_object_keys(_submit_field_kinds()) as k (key)
        cross join lateral (
            select pg_temp.outcome(format('select * from submit_many(%L)', jsonb_build_array(jsonb_build_object(k.key, null) || e.element))) as outcome
            from (select jsonb '{"next_need": "d.new"}' as element) as e
        ) as n
        cross join lateral (select pg_temp.outcome($c$ select * from submit_many('[{"next_need": "d.new"}]') $c$) as outcome) as d
        where k.key <> 'next_need' and (n.outcome is distinct from d.outcome or d.outcome !~ '^TAP00: ..')
    $$,
    'a null in an element of submit_many means that its key was left out'
);
create function pg_temp.element(verb text, added jsonb) returns text language sql as $element$
    select format(
        'select * from settle(%L)',
        jsonb_build_array(jsonb_build_object('verb', verb, 'job_id', pg_temp.job('hold'), 'lease_id', pg_temp.lease('hold')) || added)
    )
$element$;
select is_empty(
    $$
        select v.verb, k.key, left(n.outcome, 200), left(d.outcome, 200)
        from jsonb_each(_settle_field_kinds()) as v (verb, keys)
        cross join jsonb_object_keys(v.keys) as k (key)
        cross join lateral (select pg_temp.outcome(pg_temp.element(v.verb, jsonb_build_object(k.key, null))) as outcome) as n
        cross join lateral (select pg_temp.outcome(pg_temp.element(v.verb, '{}')) as outcome) as d
        -- the result of complete is any JSON value, null included
        where k.key not in ('verb', 'job_id', 'lease_id', 'result') and (n.outcome is distinct from d.outcome or d.outcome !~ '^TAP00: ..')
    $$,
    'a null in an element of settle means that its key was left out'
);

-- In the view -------------------------------------------------------------------------------------------------------------

select is_empty(
    $$
        select a.attname, left(n.outcome, 200), left(d.outcome, 200)
        from pg_attribute as a
        cross join lateral (
            select pg_temp.outcome(
                format($c$ insert into submission (next_need, %I) values ('d.new', null) returning job_id $c$, a.attname)
            ) as outcome
        ) as n
        cross join lateral (select pg_temp.outcome($c$ insert into submission (next_need) values ('d.new') returning job_id $c$) as outcome) as d
        where a.attrelid = 'submission'::regclass and a.attnum > 1 and (n.outcome is distinct from d.outcome or d.outcome !~ '^TAP00: ..')
    $$,
    'a null in a column of submission means that the column was left out'
);

select * from finish();
rollback;
