-- Some decisions stand in two places because the hot path needs a copy, and some lists must be the same. This file compares them.

begin;
select plan(9);
\ir ../include/support.sql

-- The parameters of submit ------------------------------------------------------------------------

create temporary view parameter as
select p.name, p.ordinal, format_type(t.type, null) as type
from pg_proc as f
cross join unnest(f.proargnames) with ordinality as p (name, ordinal)
join unnest(f.proargtypes) with ordinality as t (type, ordinal) using (ordinal)
where f.oid = 'submit'::regproc;

select results_eq(
    $$
        select a.attname::text, format_type(a.atttypid, null) from pg_attribute as a
        where a.attrelid = '_request'::regclass and a.attnum > 0 order by a.attnum
    $$,
    'select p.name::text, p.type from parameter as p order by p.ordinal',
    'the attributes of _request are the parameters of submit'
);
select results_eq(
    $$
        select a.attname::text, format_type(case when t.typtype = 'd' then t.typbasetype else t.oid end, null)
        from pg_attribute as a join pg_type as t on t.oid = a.atttypid
        where a.attrelid = 'submission'::regclass and a.attnum > 0 order by a.attnum
    $$,
    'select p.name::text, p.type from parameter as p order by p.ordinal',
    'the columns of submission are the parameters of submit'
);
select set_eq(
    'select k.key, k.value from jsonb_each_text(_submit_field_kinds()) as k',
    $$
        select p.name::text, case
            when p.type like '%[]' then 'array' when p.type = 'integer' then 'number' when p.type = 'jsonb' then 'any'
            when p.type = 'timestamp with time zone' then 'time' else 'string'
        end
        from parameter as p
    $$,
    'the keys of an element of submit_many are the parameters of submit, with matching JSON types'
);
select set_eq(
    $$
        select m.found[1] from pg_proc as f
        cross join lateral regexp_matches(substring(f.prosrc from '[(]([^()]*)[)] is null'), 'new[.](\w+)', 'g') as m (found)
        where f.oid = '_copy_row'::regproc
    $$,
    $$ select p.name::text from parameter as p where p.name not in ('next_need', 'payload', 'priority') $$,
    'COPY takes the short way only for rows that give nothing but a need, a payload and a priority'
);

-- A plain request passes every check --------------------------------------------------------------

create function pg_temp.complaint(statement text) returns text language plpgsql as $complaint$
begin
    execute statement;
    return null;
exception
    when others then
        return sqlerrm;
end
$complaint$;

create temporary table sample as
select _fill_defaults(jsonb_populate_record(null::_request, jsonb '{"next_need": "a.b"}' || v.given)) as request
from (
    values
        (jsonb '{}'), ('{"payload": {"a": 1}}'), ('{"payload": []}'), ('{"payload": 1}'), ('{"priority": -1}'), ('{"priority": 0}'),
        ('{"priority": 999}'), ('{"priority": 1000}'), ('{"metadata": {"a": 1}}'), ('{"metadata": 1}'), ('{"on_dependency_failure": "release"}'),
        ('{"on_dependency_failure": "x"}'), ('{"wait_for": ["00000000-0000-0000-0000-000000000001"]}'), ('{"wait_for": [null]}'),
        ('{"job_id": "00000000-0000-0000-0000-000000000001"}'), ('{"singleton_key": ""}'), ('{"singleton_key": "k"}'), ('{"idempotency_key": ""}'),
        ('{"idempotency_key": "k"}'), ('{"available_at": "-infinity"}'), ('{"available_at": "2100-01-01T00:00:00Z"}'),
        ('{"expires_at": "-infinity"}'), ('{"expires_at": "2100-01-01T00:00:00Z"}'), ('{"max_attempts": 0}'), ('{"max_attempts": 1}'),
        ('{"retry": {}}'), ('{"retry": 1}'), ('{"submitted_by": ""}'), ('{"submitted_by": "x"}'),
        (jsonb_build_object('payload', jsonb_build_object('x', repeat('x', 1000)))),
        (jsonb_build_object('payload', jsonb_build_object('x', repeat('x', 2000000))))
) as v (given);

select results_eq(
    'select (r.request).payload, (r.request).priority from sample as r where _is_plain_request(r.request)',
    $$
        values (jsonb '{}', 100), ('{"a": 1}', 100), ('{}', 0), ('{}', 999), (jsonb_build_object('x', repeat('x', 1000)), 100)
    $$,
    'a request is plain if it gives only a need, an object of at most 1,024 bytes and a priority from 0 to 999'
);
select is_empty(
    $$
        select left(r.request::text, 200) from sample as r
        where _is_plain_request(r.request) and pg_temp.complaint(format('select _check_submit(%L)', r.request)) is not null
    $$,
    '_check_submit refuses none of the plain requests'
);
select is_empty(
    $$
        select left(n.need, 50) from (
            values
                ('a'), ('a.b'), (''), ('.'), ('a.'), ('.a'), ('a..b'), ('a b'), (e'a\tb'), ('a%'), ('%'), ('a%b'), ('a.%'), (repeat('x', 200)),
                (repeat('x', 201)), (repeat(U&'\00e9', 101))
        ) as n (need)
        where _is_plain_need(n.need) and pg_temp.complaint(format('select _check_need(''need'', %L)', n.need)) is not null
    $$,
    '_check_need refuses no need that _is_plain_need accepts'
);

-- Ids in the elements of a batch ------------------------------------------------------------------

select is_empty(
    $$
        select e.element from (
            select jsonb_build_object('job_id', j.id, 'lease_id', l.id) as element, coalesce(j.is_uuid and l.is_uuid, true) as are_uuids
            from (
                values
                    ('00000000-0000-7000-8000-0000000000ab', true), ('00000000-0000-7000-8000-0000000000AB', true),
                    ('{00000000-0000-7000-8000-0000000000ab}', true), ('0000000000007000800000000000abcd', true),
                    ('0000-0000-0000-7000-8000-0000-0000-00ab', true), ('x', false), (null, false)
            ) as j (id, is_uuid)
            cross join (
                values ('00000000-0000-7000-8000-0000000000ab', true), ('00000000-0000-7000-8000-0000000000AB', true), ('x', false), (null, false)
            ) as l (id, is_uuid)
            union all
            select e.element::jsonb, true from unnest('{1,null,"[]","{}"}'::text[]) as e (element) where e.element is not null
        ) as e
        where e.are_uuids and _is_lease_reference(e.element)
            and pg_temp.complaint(format('select _check_elements(''done'', %L)', jsonb_build_array(e.element))) is not null
    $$,
    '_check_elements refuses no element with two uuids that _is_lease_reference accepts'
);

-- Everything that writes a plain job writes it alike ------------------------------------------------

create function pg_temp.written(way text) returns jsonb language sql as $written$
    select jsonb_agg(
        to_jsonb(j) - '{job_id,number,submitted_at,available_at}'::text[]
        || jsonb_build_object('table', j.tableoid::regclass, 'at_once', j.available_at = j.submitted_at)
    )
    from job as j
    where j.payload ->> 'way' = written.way
$written$;

select submit('plain', '{"way": "submit"}') \gset
select submit_many('[{"next_need": "plain", "payload": {"way": "batch"}}]') \gset
insert into submission (next_need, payload) values ('plain', '{"way": "row"}');
select set_config(format('leasehold.load_%s_0', 'submission'::regclass::oid), e'plain\n100\n{"way": "gathered"}', true) \gset
select set_config(format('leasehold.load_%s', 'submission'::regclass::oid), '1', true) \gset
select _copy_flush('submission'::regclass) \gset
select _store_job(
    _fill_defaults(jsonb_populate_record(null::_request, '{"next_need": "plain", "payload": {"way": "special"}}')), pg_temp.id(1), _now_after_xid()
) \gset
select _store_jobs(
    array[_fill_defaults(jsonb_populate_record(null::_request, '{"next_need": "plain", "payload": {"way": "special batch"}}'))], array[pg_temp.id(2)],
    null, _now_after_xid()
) \gset
select is_empty(
    $$
        select w.way, pg_temp.written(w.way)
        from unnest('{submit,batch,row,gathered,special,"special batch"}'::text[]) as w (way)
        where replace(pg_temp.written(w.way)::text, w.way, 'submit') is distinct from pg_temp.written('submit')::text
            or pg_temp.written('submit') is null
    $$,
    'submit, submit_many, submission, COPY and the functions for jobs that are not plain write the same row for a plain job'
);

select * from finish();
rollback;
