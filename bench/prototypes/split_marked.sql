-- Variant of C: the low-water mark on the three tables of B instead of the one hot table.

\ir split.sql

create sequence mark_seq;

create table lane (
    next_need text     not null collate "C",
    priority  smallint not null
);

create index lane_next_need_priority_idx on lane (next_need, priority);

alter table lane set (vacuum_truncate = false);
insert into lane (next_need, priority)
select '', 0
  from generate_series(1, 4000);
delete from lane;

create table mark (
    mark_id     bigint      not null,
    number      bigint      not null,
    seen_number bigint      not null,
    seen_xid    xid8        not null,
    noted_at    timestamptz not null,
    priority    smallint    not null,
    next_need   text        not null collate "C"
);

create index mark_next_need_priority_mark_id_idx on mark (next_need, priority, mark_id);

alter table mark set (vacuum_truncate = false);
insert into mark (mark_id, number, seen_number, seen_xid, noted_at, priority, next_need)
select 0, 0, 0, '0', now(), 0, ''
  from generate_series(1, 2000);
delete from mark;

create function _open_lane(next_need text, priority integer)
returns void language sql volatile set search_path from current as $_open_lane$
    insert into lane (next_need, priority)
    values (_open_lane.next_need, _open_lane.priority);
    insert into mark (mark_id, number, seen_number, seen_xid, noted_at, priority, next_need)
    values (nextval('mark_seq'), 0, 0, '0', clock_timestamp(), _open_lane.priority, _open_lane.next_need);
$_open_lane$;

create function _move_marks(next_need text, noted_before timestamptz)
returns void language plpgsql volatile set search_path from current as $_move_marks$
declare
    v_had_xid boolean := pg_current_xact_id_if_assigned() is not null;
    v_seen    bigint;
    v_xid     xid8;
begin
    -- one mover at a time is enough; the others claim meanwhile from the old mark
    if not pg_try_advisory_xact_lock(hashtextextended(_move_marks.next_need, 0)) then
        return;
    end if;
    -- the reading first, the transaction id after it: the other way round the pair proves nothing
    select s.last_value into v_seen from number_seq as s where s.is_called;
    v_xid := pg_current_xact_id();
    insert into mark (mark_id, number, seen_number, seen_xid, noted_at, priority, next_need)
    select nextval('mark_seq'),
           least(coalesce((select q.number
                             from queue as q
                            where q.next_need = l.next_need
                              and q.priority = l.priority
                              and q.number >= m.number
                            order by q.number
                            limit 1),
                          m.seen_number + 1),
                 m.seen_number + 1),
           case when v_had_xid or v_seen is null then m.seen_number else v_seen end,
           case when v_had_xid or v_seen is null then m.seen_xid else v_xid end,
           clock_timestamp(), l.priority, l.next_need
      from (select distinct l.next_need, l.priority from lane as l where l.next_need = _move_marks.next_need) as l
     cross join lateral (select k.number, k.seen_number, k.seen_xid, k.noted_at
                           from mark as k
                          where k.next_need = l.next_need and k.priority = l.priority
                          order by k.mark_id desc
                          limit 1) as m
     where m.noted_at < noted_before
       and pg_snapshot_xmin(pg_current_snapshot()) >= m.seen_xid;
end
$_move_marks$;

create or replace function seed(jobs integer) returns void language sql as $seed$
    select _open_lane('bench.work.v1', 100);
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

create or replace function submit(next_need text, payload jsonb, priority integer default 100, available_at timestamptz default null,
                       submitted_by text default null)
returns uuid language plpgsql volatile security definer set search_path from current as $submit$
declare
    v_now    timestamptz := clock_timestamp();
    v_job_id uuid        := uuidv7();
    v_xid    xid8        := pg_current_xact_id();   -- before nextval: see marked.sql
    v_number bigint      := nextval('number_seq');
begin
    if not exists (select from lane as l where l.next_need = submit.next_need and l.priority = submit.priority) then
        perform _open_lane(submit.next_need, submit.priority);
    end if;
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

create or replace function get_work(worker_id text, capabilities text[], lease interval default '60 s', limit_jobs integer default 1)
returns setof work language plpgsql volatile security definer set search_path from current as $get_work$
declare
    v_now        timestamptz := clock_timestamp();
    v_priorities smallint[];
    v_numbers    bigint[];
    v_noted_at   timestamptz;
    v_end        bigint := 9223372036854775807;
begin
    select array_agg(l.priority order by l.priority), array_agg(m.number order by l.priority), min(m.noted_at)
      into v_priorities, v_numbers, v_noted_at
      from (select distinct l.priority from lane as l where l.next_need = (select capabilities[1])) as l
     cross join lateral (select k.number, k.noted_at
                           from mark as k
                          where k.next_need = (select capabilities[1]) and k.priority = l.priority
                          order by k.mark_id desc
                          limit 1) as m;
    if v_noted_at < v_now - interval '100 ms' then
        perform _move_marks(capabilities[1], v_now - interval '100 ms');
    end if;

    return query
    -- by ctid: a queue row is never updated, and no index has to be read twice
    with pick as materialized (
        select r.ctid
          from unnest((select v_priorities), (select v_numbers)) as l (priority, number)
         cross join lateral (select q.ctid
                               from queue as q
                              where q.next_need = (select capabilities[1])
                                and q.priority = l.priority
                                and q.number >= l.number
                                and q.number < (select v_end)
                              order by q.number
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
