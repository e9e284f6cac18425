-- Candidate A: one hot table. A row is a job from submit to its end; a claim updates it to leased, the
-- end deletes it and appends it to the archive. Three indexes: the key, what is ready, what is leased.
--
-- No statement that has a job_id names the state as well: while nothing is leased, `state = 'leased'` makes the
-- planner take an index of what is leased for cheaper than the key, and read all its dead entries ever after.
-- For the same reason the predicate of that index is one that only a search by time implies.
--
-- Claims take one exact need: what a list of capabilities costs is not a question of the layout.

create sequence number_seq;
create sequence fence_seq;

create table job (
    job_id                uuid        not null,
    number                bigint      not null,
    fence                 bigint,
    submitted_at          timestamptz not null,
    available_at          timestamptz not null,
    leased_at             timestamptz,
    lease_expires_at      timestamptz,
    check_at              timestamptz,
    expires_at            timestamptz,
    cancel_requested_at   timestamptz,
    lease_id              uuid,
    run_id                uuid,
    attempt               integer     not null default 0,
    max_attempts          integer,
    priority              smallint    not null,
    crashes               smallint    not null default 0,
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
    constraint job_pkey primary key (job_id)
);

create index job_ready_idx on job (next_need, priority, number) where state = 'ready';
create index job_lease_idx on job (check_at) where check_at is not null;

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
    insert into job (job_id, number, submitted_at, available_at, priority, state, next_need, payload, submitted_by)
    select uuidv7(), nextval('number_seq'), clock_timestamp(), clock_timestamp(), 100, 'ready', 'bench.work.v1',
           '{"invoice": 4711, "customer": "c-0815", "amount": "99.50"}', session_user
      from generate_series(1, jobs);
$seed$;

create function submit(next_need text, payload jsonb, priority integer default 100, available_at timestamptz default null,
                       submitted_by text default null)
returns uuid language plpgsql volatile security definer set search_path from current as $submit$
declare
    v_now    timestamptz := clock_timestamp();
    v_job_id uuid        := uuidv7();
begin
    insert into job (job_id, number, submitted_at, available_at, priority, state, next_need, payload, submitted_by)
    values (v_job_id, nextval('number_seq'), v_now, coalesce(submit.available_at, v_now), submit.priority,
            case when submit.available_at > v_now then 'scheduled' else 'ready' end,
            submit.next_need, submit.payload, coalesce(submit.submitted_by, session_user));
    return v_job_id;
end
$submit$;

create function get_work(worker_id text, capabilities text[], lease interval default '60 s', limit_jobs integer default 1)
returns setof work language plpgsql volatile security definer set search_path from current as $get_work$
declare
    v_now timestamptz := clock_timestamp();
begin
    return query
    -- Both statements are written so that the generic plan is the custom plan: a limit or a need that the
    -- planner can see costs a planning at every call. The constant limit tells it that few rows come, the
    -- array that few are updated: without them a large queue turns the update into a join of whole tables.
    with pick as materialized (
        select r.job_id
          from (select j.job_id
                  from job as j
                 where j.state = 'ready' and j.next_need = (select capabilities[1])
                 order by j.priority, j.number
                 limit 1000
                   for update skip locked) as r
         limit (select limit_jobs)
    ), taken as (
        update job as j
           set state            = 'leased',
               attempt          = j.attempt + 1,
               lease_id         = gen_random_uuid(),
               fence            = nextval('fence_seq'),
               worker_id        = get_work.worker_id,
               leased_at        = v_now,
               lease_expires_at = v_now + lease,
               check_at         = v_now + lease
         where j.job_id = any (array(select p.job_id from pick as p))
        returning j.*
    )
    select t.job_id, t.lease_id, t.fence, t.next_need, t.payload, t.attempt, t.max_attempts, t.lease_expires_at,
           t.singleton_key, t.metadata
      from taken as t
     order by t.priority, t.number;
end
$get_work$;

create function complete(job_id uuid, lease_id uuid, result jsonb default null)
returns boolean language plpgsql volatile security definer set search_path from current as $complete$
declare
    v_now timestamptz := clock_timestamp();
begin
    with gone as (
        delete from job as j
         where j.job_id = complete.job_id and j.lease_id = complete.lease_id
        returning j.*
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
    with gone as (
        delete from job as j
         where j.job_id = any (array(select unnest(job_ids)))
        returning j.*
    )
    insert into archive
    select g.job_id, g.number, g.fence, g.submitted_at, g.available_at, g.leased_at, v_now, g.expires_at, g.lease_id,
           g.run_id, g.attempt, g.max_attempts, g.priority, g.crashes, 'succeeded', g.next_need, g.payload,
           g.submitted_by, g.worker_id, g.singleton_key, g.idempotency_key, g.on_dependency_failure, g.retry,
           g.metadata, g.error, g.error_code, g.step, null
      from gone as g
      join unnest(job_ids, lease_ids) as d (job_id, lease_id) on d.job_id = g.job_id and d.lease_id = g.lease_id;
    get diagnostics v_done = row_count;
    if v_done <> cardinality(job_ids) then
        raise exception 'a job is not leased by its lease' using errcode = 'LH002';
    end if;
    return v_done;
end
$complete_many$;

-- Pages enough that reading a key is cheaper than reading the table, even empty: a plan made while the table
-- was empty would otherwise be kept, a sequential scan, when it has filled.
alter table job set (vacuum_truncate = false);
select seed(2000);
delete from job;
