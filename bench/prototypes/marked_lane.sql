-- Variant of C: a small integer for each lane (need, priority) in the claim index, `(lane_id, number)`, and in
-- the notes, instead of the need's text and the priority. A lane has one id here, so its table has a unique
-- key: two first submits of a lane would have to wait for each other, which the text variant spares them.

\ir marked.sql

drop index job_ready_idx;
drop table mark, lane;
drop function _open_lane(text, integer), _move_marks(text, timestamptz);

alter table job add column lane_id integer not null default 1;
create index job_ready_idx on job (lane_id, number) where state = 'ready';

create table lane (
    lane_id   integer  not null generated always as identity,
    priority  smallint not null,
    next_need text     not null collate "C",
    constraint lane_pkey primary key (next_need, priority)
);

insert into lane (next_need, priority) values ('bench.work.v1', 100);

create table mark (
    mark_id     bigint      not null,
    number      bigint      not null,
    seen_number bigint      not null,
    seen_xid    xid8        not null,
    noted_at    timestamptz not null,
    lane_id     integer     not null
);

create index mark_lane_id_mark_id_idx on mark (lane_id, mark_id);

alter table mark set (vacuum_truncate = false);
insert into mark (mark_id, number, seen_number, seen_xid, noted_at, lane_id)
select 0, 0, 0, '0', now(), 0
  from generate_series(1, 2000);
delete from mark;

insert into mark (mark_id, number, seen_number, seen_xid, noted_at, lane_id)
values (nextval('mark_seq'), 0, 0, '0', clock_timestamp(), 1);

create or replace function seed(jobs integer) returns void language sql as $seed$
    insert into job (job_id, number, submitted_at, available_at, priority, state, next_need, payload, submitted_by, lane_id)
    select uuidv7(), nextval('number_seq'), clock_timestamp(), clock_timestamp(), 100, 'ready', 'bench.work.v1',
           '{"invoice": 4711, "customer": "c-0815", "amount": "99.50"}', session_user, 1
      from generate_series(1, jobs);
$seed$;

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
    insert into mark (mark_id, number, seen_number, seen_xid, noted_at, lane_id)
    select nextval('mark_seq'),
           least(coalesce((select j.number
                             from job as j
                            where j.state = 'ready'
                              and j.lane_id = l.lane_id
                              and j.number >= m.number
                            order by j.number
                            limit 1),
                          m.seen_number + 1),
                 m.seen_number + 1),
           case when v_had_xid or v_seen is null then m.seen_number else v_seen end,
           case when v_had_xid or v_seen is null then m.seen_xid else v_xid end,
           clock_timestamp(), l.lane_id
      from (select l.lane_id from lane as l where l.next_need = _move_marks.next_need) as l
     cross join lateral (select k.number, k.seen_number, k.seen_xid, k.noted_at
                           from mark as k
                          where k.lane_id = l.lane_id
                          order by k.mark_id desc
                          limit 1) as m
     where m.noted_at < noted_before
       and pg_snapshot_xmin(pg_current_snapshot()) >= m.seen_xid;
end
$_move_marks$;

create or replace function submit(next_need text, payload jsonb, priority integer default 100,
                                  available_at timestamptz default null, submitted_by text default null)
returns uuid language plpgsql volatile security definer set search_path from current as $submit$
declare
    v_now    timestamptz := clock_timestamp();
    v_job_id uuid        := uuidv7();
    v_xid    xid8        := pg_current_xact_id();   -- before nextval: see above
    v_lane   integer;
begin
    select l.lane_id into v_lane from lane as l where l.next_need = submit.next_need and l.priority = submit.priority;
    insert into job (job_id, number, submitted_at, available_at, priority, state, next_need, payload, submitted_by, lane_id)
    values (v_job_id, nextval('number_seq'), v_now, coalesce(submit.available_at, v_now), submit.priority,
            case when submit.available_at > v_now then 'scheduled' else 'ready' end,
            submit.next_need, submit.payload, coalesce(submit.submitted_by, session_user), v_lane);
    return v_job_id;
end
$submit$;

create or replace function get_work(worker_id text, capabilities text[], lease interval default '60 s', limit_jobs integer default 1)
returns setof work language plpgsql volatile security definer set search_path from current as $get_work$
declare
    v_now        timestamptz := clock_timestamp();
    v_lanes      integer[];
    v_numbers    bigint[];
    v_noted_at   timestamptz;
    v_end        bigint := 9223372036854775807;
begin
    select array_agg(l.lane_id order by l.priority), array_agg(m.number order by l.priority), min(m.noted_at)
      into v_lanes, v_numbers, v_noted_at
      from (select l.lane_id, l.priority from lane as l where l.next_need = (select capabilities[1])) as l
     cross join lateral (select k.number, k.noted_at
                           from mark as k
                          where k.lane_id = l.lane_id
                          order by k.mark_id desc
                          limit 1) as m;
    if v_noted_at < v_now - _note_age() then
        perform _move_marks(capabilities[1], v_now - _note_age());
    end if;

    return query
    with pick as materialized (
        select r.job_id
          from unnest((select v_lanes), (select v_numbers)) as l (lane_id, number)
         cross join lateral (select j.job_id
                               from job as j
                              where j.state = 'ready'
                                and j.lane_id = l.lane_id
                                and j.number >= l.number
                                and j.number < (select v_end)
                              order by j.number
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
