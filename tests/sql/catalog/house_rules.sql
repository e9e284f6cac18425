-- The house rules, read from the catalogs: what every function must have, which rights nobody may
-- have, and the exact public interface. A change of the interface is a change of this file.

begin;
select plan(23);

-- The objects that a caller sees: those without a leading underscore.
create temporary view public_function as
select
    p.oid,
    p.proname,
    p.prosecdef,
    p.proconfig
from pg_catalog.pg_proc as p
where p.pronamespace = 'leasehold'::regnamespace
  and p.proname not like '\_%';

-- A signature in its usual written form: lower case, without the casts that PostgreSQL appends to defaults.
create function pg_temp.plainly(signature text) returns text language sql immutable as $plainly$
    select replace(
        regexp_replace(lower(signature), '::[a-z_]+( [a-z]+)*(\[\])?', '', 'g'),
        'timestamp with time zone', 'timestamptz'
    )
$plainly$;

-- The rights that PUBLIC holds: grantee 0.
create temporary view public_right as
select 'schema'::text as kind, n.nspname::text as name, a.privilege_type
from pg_catalog.pg_namespace as n,
    lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
where n.nspname = 'leasehold' and a.grantee = 0
union all
select 'function', p.oid::regprocedure::text, a.privilege_type
from pg_catalog.pg_proc as p,
    lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
where p.pronamespace = 'leasehold'::regnamespace and a.grantee = 0
union all
select 'relation', c.oid::regclass::text, a.privilege_type
from pg_catalog.pg_class as c,
    lateral aclexplode(
        coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))
    ) as a
where c.relnamespace = 'leasehold'::regnamespace
  and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  and a.grantee = 0
union all
select 'column', format('%s.%I', c.oid::regclass, t.attname), a.privilege_type
from pg_catalog.pg_class as c
join pg_catalog.pg_attribute as t on t.attrelid = c.oid,
    lateral aclexplode(t.attacl) as a
where c.relnamespace = 'leasehold'::regnamespace and a.grantee = 0
union all
-- an array has the rights of its element type; a table's row type is reached through the table
select 'type', t.oid::regtype::text, a.privilege_type
from pg_catalog.pg_type as t
left join pg_catalog.pg_class as c on c.oid = t.typrelid,
    lateral aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) as a
where t.typnamespace = 'leasehold'::regnamespace
  and t.typelem = 0
  and coalesce(c.relkind, 'c') = 'c'
  and a.grantee = 0;

-- The codes that function bodies name; error_codes() names them all, so it does not count.
create temporary view raised_code as
select distinct m[1] as code
from pg_catalog.pg_proc as p,
    lateral regexp_matches(p.prosrc, '''(LH\d{3})''', 'g') as m
where p.pronamespace = 'leasehold'::regnamespace
  and p.proname <> 'error_codes';

-- Every public function -----------------------------------------------------------------------

select is_empty(
    $$ select proname from public_function where obj_description(oid, 'pg_proc') is null $$,
    'every public function has a comment'
);
select is_empty(
    $$ select proname from public_function where not prosecdef $$,
    'every public function is SECURITY DEFINER'
);
select is_empty(
    $$
        select proname, proconfig from public_function
        where not exists (
            select from unnest(proconfig) as setting
            where setting ~ '^search_path=(pg_catalog, )?leasehold, pg_temp$'
        )
    $$,
    'every public function pins its search_path to the schema, with pg_temp last'
);

-- Every function --------------------------------------------------------------------------------

select is_empty(
    $$
        select proname, count(*) from pg_catalog.pg_proc
        where pronamespace = 'leasehold'::regnamespace
        group by proname having count(*) > 1
    $$,
    'no function is overloaded'
);
select is_empty(
    $$
        select p.oid::regprocedure from pg_catalog.pg_proc as p
        join pg_catalog.pg_language as l on l.oid = p.prolang
        where p.pronamespace = 'leasehold'::regnamespace and l.lanname not in ('sql', 'plpgsql')
    $$,
    'every function is SQL or PL/pgSQL'
);
select is_empty(
    $$
        select p.oid::regprocedure from pg_catalog.pg_proc as p
        where p.pronamespace = 'leasehold'::regnamespace and p.prosecdef
          and not exists (
              select from unnest(p.proconfig) as setting where setting ~ '^search_path=.*pg_temp$'
          )
    $$,
    'every SECURITY DEFINER function has a pinned search_path'
);

select is_empty(
    $$
        select p.oid::regprocedure from pg_catalog.pg_proc as p
        where p.pronamespace = 'leasehold'::regnamespace and p.prorettype = 'trigger'::regtype
          and (not p.prosecdef or p.proname not like '\_%' or not exists (
              select from pg_catalog.pg_trigger as t
              join pg_catalog.pg_class as c on c.oid = t.tgrelid
              where t.tgfoid = p.oid and c.relnamespace = p.pronamespace and (c.relkind = 'v' or t.tgenabled = 'A')
          ))
    $$,
    'a trigger function is a helper with the owner''s rights, of a view or of a table whose trigger is always enabled'
);

-- Tables and views ----------------------------------------------------------------------------------

select is_empty(
    $$
        select c.oid::regclass from pg_catalog.pg_class as c
        where c.relnamespace = 'leasehold'::regnamespace and c.relkind in ('r', 'p')
          and case c.relreplident
              when 'd' then not exists (
                  select from pg_catalog.pg_index as i where i.indrelid = c.oid and i.indisprimary and i.indisvalid
              )
              when 'n' then true
              else false
          end
    $$,
    'every table has a primary key or another replica identity, so that a publication of all tables refuses nothing'
);
select is_empty(
    $$
        select c.oid::regclass from pg_catalog.pg_class as c
        where c.relnamespace = 'leasehold'::regnamespace and c.relkind = 'v' and c.relname <> 'submission'
          and not coalesce(c.reloptions::text[] @> '{security_barrier=true}', false)
    $$,
    'every view that is read is a security barrier'
);
select is_empty(
    $$
        select c.oid::regclass, pg_catalog.pg_relation_is_updatable(c.oid, false) from pg_catalog.pg_class as c
        where c.relnamespace = 'leasehold'::regnamespace and c.relkind = 'v'
          and pg_catalog.pg_relation_is_updatable(c.oid, false) <> 0
    $$,
    'a view is written to only through triggers'
);
-- The comment of an inherited column stands in the parent.
select is_empty(
    $$
        select c.oid::regclass, a.attname
        from pg_catalog.pg_class as c
        join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attislocal
        where c.relnamespace = 'leasehold'::regnamespace and c.relkind in ('r', 'p', 'f')
          and coalesce(col_description(c.oid, a.attnum), '') = ''
    $$,
    'every column of every table has a comment'
);
select is_empty(
    $$
        select c.oid::regclass::text from pg_catalog.pg_class as c
        where c.relnamespace = 'leasehold'::regnamespace and c.relkind in ('r', 'p', 'f', 'v', 'm')
          and coalesce(obj_description(c.oid, 'pg_class'), '') = ''
        union all
        select s.oid::regclass::text from pg_catalog.pg_class as s
        where s.relnamespace = 'leasehold'::regnamespace and s.relkind = 'S'
          and coalesce(obj_description(s.oid, 'pg_class'), '') = ''
          -- sequences of identity columns belong to their tables
          and not exists (
              select from pg_catalog.pg_depend as d
              where d.classid = 'pg_class'::regclass and d.objid = s.oid and d.deptype = 'i'
          )
        union all
        select t.oid::regtype::text from pg_catalog.pg_type as t
        left join pg_catalog.pg_class as c on c.oid = t.typrelid
        where t.typnamespace = 'leasehold'::regnamespace and (t.typtype = 'd' or c.relkind = 'c')
          and coalesce(obj_description(t.oid, 'pg_type'), '') = ''
    $$,
    'every table, view, sequence and type has a comment'
);

-- Rights ------------------------------------------------------------------------------------------

select is_empty('select * from public_right', 'PUBLIC has no right on anything in the schema');
select is_empty(
    $$
        select p.oid::regprocedure, a.grantee::regrole
        from pg_catalog.pg_proc as p,
            lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where p.pronamespace = 'leasehold'::regnamespace
          and p.proname like '\_%'
          and a.grantee <> p.proowner
    $$,
    'only the owner may call a helper'
);
select is_empty(
    $$
        select c.oid::regclass, a.grantee::regrole, a.privilege_type
        from pg_catalog.pg_class as c,
            lateral aclexplode(c.relacl) as a
        where c.relnamespace = 'leasehold'::regnamespace
          and a.grantee <> c.relowner
          and not (c.relkind = 'v' and a.privilege_type = 'SELECT')
          and not (c.relname = 'submission' and a.privilege_type = 'INSERT')
    $$,
    'only the owner has a right on a table or sequence: others are granted functions and views alone'
);
select set_eq(
    $$
        select a.grantee
        from pg_catalog.pg_class as c,
            lateral aclexplode(c.relacl) as a
        where c.oid = 'submission'::regclass and a.privilege_type = 'INSERT'
    $$,
    $$
        select a.grantee
        from pg_catalog.pg_proc as p,
            lateral aclexplode(p.proacl) as a
        where p.oid = 'submit'::regproc
    $$,
    'the roles that may insert into the view submission are those that may submit'
);

-- Errors --------------------------------------------------------------------------------------------

select is_empty(
    'select code from raised_code except select code from error_codes()',
    'every code that a function raises is in error_codes()'
);
select is_empty(
    'select code from error_codes() except select code from raised_code',
    'every code of error_codes() is raised by a function'
);
select is_empty(
    $$
        select code, name from error_codes()
        where code !~ '^LH\d{3}$' or name !~ '^[a-z]+(_[a-z]+)*$' or coalesce(description, '') = ''
    $$,
    'every code has the right form, a name and a description'
);
select is(
    (select count(distinct name) from error_codes()),
    (select count(*) from error_codes()),
    'no two codes share a name'
);

-- The public interface ------------------------------------------------------------------------------

create temporary table face (signature text);
insert into face values
('wakeup_channel(capabilities text[], until timestamptz) → wakeup'),
('cancel(job_id uuid, actor text, reason text default null) → text'),
('checkpoint(job_id uuid, lease_id uuid, name text, result jsonb default null) → jsonb'),
('checkpoints(job_id uuid, lease_id uuid) → setof checkpoint_result'),
('complete(job_id uuid, lease_id uuid, result jsonb default null) → boolean'),
('complete_unheld(job_id uuid, actor text, result jsonb default null) → boolean'),
('error_codes() → setof error_info'),
('extend(job_id uuid, lease_id uuid, lease interval default ''00:01:00'') → timestamptz'),
('extend_many(leases jsonb, lease interval default ''00:01:00'') → setof extended'),
('fail(job_id uuid, lease_id uuid, error text, retryable boolean default true, '
 'retry_after interval default null, error_code text default null) → outcome'),
('fail_unheld(job_id uuid, actor text, error text, retryable boolean default true, '
 'retry_after interval default null, error_code text default null) → outcome'),
('get_work(worker_id text, capabilities text[], lease interval default ''00:01:00'', '
 'limit_jobs integer default 1) → setof work'),
('hold_lease(job_id uuid, lease_id uuid) → timestamptz'),
('job(job_id uuid) → job_info'),
('job_payload(job_id uuid) → payload_info'),
('lease_status(job_id uuid, lease_id uuid) → lease_state'),
('next_due(capabilities text[]) → interval'),
('redrive(job_id uuid, actor text, reason text default null, '
 'expires_at timestamptz default null) → outcome'),
('redrive_many(capability text, actor text, limit_jobs integer default 100) → setof uuid'),
('release(job_id uuid, lease_id uuid, available_at timestamptz default null) → outcome'),
('require_api(api integer) → text'),
('reschedule(job_id uuid, lease_id uuid, next_need text default null, payload jsonb default null, '
 'wait_for uuid[] default null, available_at timestamptz default null, '
 'priority integer default null, expires_at timestamptz default null, '
 'max_attempts integer default null, retry jsonb default null, '
 'on_dependency_failure text default null) → outcome'),
('reschedule_unheld(job_id uuid, actor text, next_need text default null, '
 'payload jsonb default null, wait_for uuid[] default null, '
 'available_at timestamptz default null, priority integer default null, '
 'expires_at timestamptz default null, max_attempts integer default null, '
 'retry jsonb default null, on_dependency_failure text default null) → outcome'),
('results(job_id uuid, lease_id uuid, after uuid default null, '
 'limit_rows integer default 100) → setof dependency_result'),
('schema_version() → text'),
('set_setting(name text, value text, actor text default null) → text'),
('setting(name text) → text'),
('settings() → setof setting_info'),
('settle(done jsonb, strict boolean default true) → setof settled'),
('submit(next_need text, payload jsonb default ''{}'', job_id uuid default null, '
 'wait_for uuid[] default ''{}'', singleton_key text default null, '
 'idempotency_key text default null, priority integer default 100, '
 'available_at timestamptz default null, expires_at timestamptz default null, '
 'max_attempts integer default null, retry jsonb default null, '
 'on_dependency_failure text default ''hold'', metadata jsonb default ''{}'', '
 'submitted_by text default null) → submitted'),
('submit_many(jobs jsonb) → setof submitted'),
('sweep(limit_jobs integer default 1000) → swept'),
('turn(worker_id text, capabilities text[], done jsonb default ''[]'', '
 'lease interval default ''00:01:00'', limit_jobs integer default 1, '
 'strict boolean default true) → setof turned'),
('verify() → setof discrepancy'),
('why_not_running(job_id uuid) → setof reason');

create temporary view face_found as
select pg_temp.plainly(
    f.proname || '(' || pg_get_function_arguments(f.oid) || ') → ' || pg_get_function_result(f.oid)
) as signature
from public_function as f;

select is_empty(
    $$
        select 'missing' as problem, e.signature from (
            select signature from face except select signature from face_found
        ) as e
        union all
        select 'not in the list', e.signature from (
            select signature from face_found except select signature from face
        ) as e
        order by 2, 1
    $$,
    'the public functions are exactly these, with these arguments, defaults and results'
);

create temporary table shape (signature text);
insert into shape values
('wakeup(channel text, reliable boolean, due_in interval)'),
('checkpoint_result(name text, result jsonb, recorded_at timestamptz)'),
('dependency_result(job_id uuid, state text, result jsonb)'),
('discrepancy(kind text, name text, problem text)'),
('error_info(code text, name text, description text)'),
('extended(job_id uuid, lease_id uuid, ok boolean, lease_expires_at timestamptz, '
 'error_code text, message text, detail text, hint text)'),
('job_info(job_id uuid, state text, next_need text, payload jsonb, priority integer, '
 'attempt integer, max_attempts integer, crashes integer, available_at timestamptz, '
 'expires_at timestamptz, submitted_at timestamptz, submitted_by text, singleton_key text, '
 'idempotency_key text, metadata jsonb, wait_for uuid[], on_dependency_failure text, retry jsonb, '
 'worker_id text, lease_id uuid, fence bigint, leased_at timestamptz, '
 'lease_expires_at timestamptz, cancel_requested boolean, error text, error_code text, '
 'dead_reason text, ended_at timestamptz, result jsonb, run_id uuid, step text, archived boolean, '
 'leases_run_out integer, extended_at timestamptz)'),
('lease_state(held boolean, cancel_requested boolean, remaining interval, state text, result jsonb)'),
('outcome(state text, available_at timestamptz, attempt integer)'),
('payload_info(payload jsonb, metadata jsonb, result jsonb)'),
('reason(reason text, detail text, until timestamptz, waits_for uuid)'),
('setting_info(name text, value text, default_value text, description text)'),
('settled(job_id uuid, lease_id uuid, verb text, ok boolean, state text, '
 'available_at timestamptz, attempt integer, lease_expires_at timestamptz, error_code text, '
 'message text, detail text, hint text)'),
('submitted(job_id uuid, created boolean, state text, available_at timestamptz)'),
('swept(promoted integer, reclaimed integer, expired integer, freed integer, admitted integer)'),
('turned(settled settled, work work)'),
('work(job_id uuid, lease_id uuid, fence bigint, next_need text, payload jsonb, attempt integer, '
 'max_attempts integer, lease_expires_at timestamptz, lease_remaining interval, '
 'singleton_key text, metadata jsonb, run_id uuid, step text, results jsonb, '
 'results_truncated boolean)');

create temporary view shape_found as
select pg_temp.plainly(
    c.relname || '(' || string_agg(
        a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum
    ) || ')'
) as signature
from pg_catalog.pg_class as c
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'leasehold'::regnamespace
  and c.relkind = 'c'
  and c.relname not like '\_%'
group by c.oid, c.relname;

select is_empty(
    $$
        select 'missing' as problem, e.signature from (
            select signature from shape except select signature from shape_found
        ) as e
        union all
        select 'not in the list', e.signature from (
            select signature from shape_found except select signature from shape
        ) as e
        order by 2, 1
    $$,
    'the public types are exactly these, with these columns'
);
select is_empty(
    $$
        select t.oid::regtype from pg_catalog.pg_type as t
        where t.typnamespace = 'leasehold'::regnamespace and t.typtype in ('d', 'e', 'r', 'm')
          -- refuses the writes that a trigger of the view submission would miss
          and t.typname <> '_submitted_need'
    $$,
    'states and reasons are text with named checks: no enums, domains or ranges'
);

select * from finish();
rollback;
