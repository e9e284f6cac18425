-- The bare minimum: a table with a key and one partial index, and no functions. The benchmark drives it with three
-- plain statements: insert, update ... skip locked, delete. It proves no lease, retries nothing, keeps no archive and
-- records nothing. Any real layout is measured by it.

create table job (
    job_id    uuid     not null default uuidv7(),
    next_need text     not null collate "C",
    payload   jsonb    not null,
    priority  smallint not null default 100,
    number    bigint   not null generated always as identity,
    state     text     not null default 'ready' collate "C",
    constraint job_pkey primary key (job_id)
);

create index job_ready_idx on job (next_need, priority, number) where state = 'ready';

create function seed(jobs integer) returns void language sql as $seed$
    insert into job (next_need, payload)
    select 'bench.work.v1', '{"invoice": 4711, "customer": "c-0815", "amount": "99.50"}'
      from generate_series(1, jobs);
$seed$;
