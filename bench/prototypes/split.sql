-- Candidate B: three tables. `job` holds the facts and is not touched between submit and end; `queue` a
-- narrow row for what is ready; `lease` a narrow row for what is held. A claim moves the narrow row from
-- queue to lease; the end deletes lease and job and appends to the archive. The attempt travels with the
-- narrow rows, so that the wide one is written once and deleted once.

create sequence number_seq;
create sequence fence_seq;

create table job (
    job_id                uuid        not null,
    number                bigint      not null,
    submitted_at          timestamptz not null,
    available_at          timestamptz not null,
    expires_at            timestamptz,
    cancel_requested_at   timestamptz,
    run_id                uuid,
    max_attempts          integer,
    priority              smallint    not null,
    crashes               smallint    not null default 0,
    state                 text        collate "C",
    next_need             text        not null collate "C",
    payload               jsonb       not null,
    submitted_by          text,
    singleton_key         text        collate "C",
    idempotency_key       text        collate "C",
    on_dependency_failure text,
    retry                 jsonb,
    metadata              jsonb,
    error                 text,
    error_code            text,
    step                  text,
    constraint job_pkey primary key (job_id)
);

create table queue (
    job_id    uuid     not null,
    number    bigint   not null,
    attempt   integer  not null,
    priority  smallint not null,
    next_need text     not null collate "C"
);

create index queue_ready_idx on queue (next_need, priority, number);

create table lease (
    job_id           uuid        not null,
    lease_id         uuid        not null,
    fence            bigint      not null,
    leased_at        timestamptz not null,
    lease_expires_at timestamptz not null,
    check_at         timestamptz not null,
    attempt          integer     not null,
    worker_id        text        not null,
    constraint lease_pkey primary key (job_id)
);

create index lease_check_at_idx on lease (check_at);

create table archive (
    job_id                uuid        not null,
    number                bigint      not null,
    fence                 bigint,
    submitted_at          timestamptz not null,
    available_at          timestamptz not null,
    leased_at             timestamptz,
    ended_at              timestamptz not null,
    expires_at            timestamptz,
    lease_id              uuid,
    run_id                uuid,
    attempt               integer     not null,
    max_attempts          integer,
    priority              smallint    not null,
    crashes               smallint    not null,
    state                 text        not null collate "C",
    next_need             text        not null collate "C",
    payload               jsonb       not null,
    submitted_by          text,
    worker_id             text,
    singleton_key         text        collate "C",
    idempotency_key       text        collate "C",
    on_dependency_failure text,
    retry                 jsonb,
    metadata              jsonb,
    error                 text,
    error_code            text,
    step                  text,
    result                jsonb,
    constraint archive_pkey primary key (job_id)
);

create type work as (
    job_id           uuid,
    lease_id         uuid,
    fence            bigint,
    next_need        text,
    payload          jsonb,
    attempt          integer,
    max_attempts     integer,
    lease_expires_at timestamptz,
    singleton_key    text,
    metadata         jsonb
);

create function seed(jobs integer) returns void language sql as $seed$
    with made as (
        insert into job (job_id, number, submitted_at, available_at, priority, next_need, payload, submitted_by)
        select uuidv7(), nextval('number_seq'), clock_timestamp(), clock_timestamp(), 100, 'bench.work.v1',
               '{"invoice": 4711, "customer": "c-0815", "amount": "99.50"}', session_user
          from generate_series(1, jobs)
        returning job_id, number, priority, next_need
    )
    insert into queue (job_id, number, attempt, priority, next_need)
    select m.job_id, m.number, 0, m.priority, m.next_need
      from made as m;
$seed$;

create function submit(next_need text, payload jsonb, priority integer default 100, available_at timestamptz default null,
                       submitted_by text default null)
returns uuid language plpgsql volatile security definer set search_path from current as $submit$
declare
    v_now    timestamptz := clock_timestamp();
    v_job_id uuid        := uuidv7();
    v_number bigint      := nextval('number_seq');
begin
    insert into job (job_id, number, submitted_at, available_at, priority, state, next_need, payload, submitted_by)
    values (v_job_id, v_number, v_now, coalesce(submit.available_at, v_now), submit.priority,
            case when submit.available_at > v_now then 'scheduled' end,
            submit.next_need, submit.payload, coalesce(submit.submitted_by, session_user));
    if submit.available_at > v_now then
        return v_job_id;
    end if;
    insert into queue (job_id, number, attempt, priority, next_need)
    values (v_job_id, v_number, 0, submit.priority, submit.next_need);
    return v_job_id;
end
$submit$;

create function get_work(worker_id text, capabilities text[], lease interval default '60 s', limit_jobs integer default 1)
returns setof work language plpgsql volatile security definer set search_path from current as $get_work$
declare
    v_now timestamptz := clock_timestamp();
begin
    return query
    -- by ctid: a queue row is never updated, and no index has to be read twice
    with pick as materialized (
        select r.ctid
          from (select q.ctid
                  from queue as q
                 where q.next_need = (select capabilities[1])
                 order by q.priority, q.number
                 limit 1000
                   for update skip locked) as r
         limit (select limit_jobs)
    ), taken as (
        delete from queue as q
         where q.ctid = any (array(select p.ctid from pick as p))
        returning q.job_id, q.attempt
    ), held as (
        insert into lease as l (job_id, lease_id, fence, leased_at, lease_expires_at, check_at, attempt, worker_id)
        select t.job_id, gen_random_uuid(), nextval('fence_seq'), v_now, v_now + lease, v_now + lease, t.attempt + 1,
               get_work.worker_id
          from taken as t
        returning l.job_id, l.lease_id, l.fence, l.attempt, l.lease_expires_at
    )
    select h.job_id, h.lease_id, h.fence, j.next_need, j.payload, h.attempt, j.max_attempts, h.lease_expires_at,
           j.singleton_key, j.metadata
      from held as h
      join job as j on j.job_id = h.job_id
     order by j.priority, j.number;
end
$get_work$;

create function complete(job_id uuid, lease_id uuid, result jsonb default null)
returns boolean language plpgsql volatile security definer set search_path from current as $complete$
declare
    v_now timestamptz := clock_timestamp();
begin
    with held as (
        delete from lease as l
         where l.job_id = complete.job_id and l.lease_id = complete.lease_id
        returning l.job_id, l.lease_id, l.fence, l.leased_at, l.attempt, l.worker_id
    ), gone as (
        delete from job as j
         using held as h
         where j.job_id = h.job_id
        returning j.*, h.lease_id, h.fence, h.leased_at, h.attempt, h.worker_id
    )
    insert into archive
    select g.job_id, g.number, g.fence, g.submitted_at, g.available_at, g.leased_at, v_now, g.expires_at, g.lease_id,
           g.run_id, g.attempt, g.max_attempts, g.priority, g.crashes, 'succeeded', g.next_need, g.payload,
           g.submitted_by, g.worker_id, g.singleton_key, g.idempotency_key, g.on_dependency_failure, g.retry,
           g.metadata, g.error, g.error_code, g.step, complete.result
      from gone as g;
    if not found then
        raise exception 'job % is not leased by %', complete.job_id, complete.lease_id using errcode = 'LH002';
    end if;
    return true;
end
$complete$;

create function complete_many(job_ids uuid[], lease_ids uuid[])
returns integer language plpgsql volatile security definer set search_path from current as $complete_many$
declare
    v_now  timestamptz := clock_timestamp();
    v_done integer;
begin
    with held as (
        delete from lease as l
         where l.job_id = any (array(select unnest(job_ids)))
        returning l.job_id, l.lease_id, l.fence, l.leased_at, l.attempt, l.worker_id
    ), gone as (
        delete from job as j
         where j.job_id = any (array(select h.job_id from held as h))
        returning j.*
    )
    insert into archive
    select g.job_id, g.number, h.fence, g.submitted_at, g.available_at, h.leased_at, v_now, g.expires_at, h.lease_id,
           g.run_id, h.attempt, g.max_attempts, g.priority, g.crashes, 'succeeded', g.next_need, g.payload,
           g.submitted_by, h.worker_id, g.singleton_key, g.idempotency_key, g.on_dependency_failure, g.retry,
           g.metadata, g.error, g.error_code, g.step, null
      from gone as g
      join held as h on h.job_id = g.job_id
      join unnest(job_ids, lease_ids) as d (job_id, lease_id) on d.job_id = h.job_id and d.lease_id = h.lease_id;
    get diagnostics v_done = row_count;
    if v_done <> cardinality(job_ids) then
        raise exception 'a job is not leased by its lease' using errcode = 'LH002';
    end if;
    return v_done;
end
$complete_many$;

-- Pages enough that reading a key is cheaper than reading the table, even empty: a plan made while a table
-- was empty would otherwise be kept, a sequential scan, when it has filled.
alter table job set (vacuum_truncate = false);
alter table queue set (vacuum_truncate = false);
alter table lease set (vacuum_truncate = false);
select seed(16000);
insert into lease (job_id, lease_id, fence, leased_at, lease_expires_at, check_at, attempt, worker_id)
select j.job_id, j.job_id, 0, now(), now(), now(), 1, 'worker-1'
  from job as j;
delete from queue;
delete from lease;
delete from job;
