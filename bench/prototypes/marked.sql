-- Candidate C: the hot table of A plus a low-water mark for each lane (need, priority): a lower bound of
-- the queue numbers that are, or may still become, visible as ready in that lane. A claim walks its lanes
-- by priority and starts each scan at the mark, so it does not pass the dead index entries below. The
-- newest notes are read once, into arrays, which serve both the look whether they are stale and the claim.
--
-- The mark is exact. Who draws a number takes his transaction id before nextval. A note (seen_number, seen_xid)
-- is a reading of the sequence followed by the noting transaction's own id: so whoever drew a number up to
-- seen_number has a lower id. Once a snapshot's xmin has reached seen_xid all of them have ended, and what that same
-- snapshot sees as ready is all there will ever be up to seen_number. A pair is kept until it has come true: if it were
-- replaced ten times a second, writers that take longer than that, one after the other, would stop the mark.
-- A pair needs an id taken after the reading: a transaction that already has one moves the mark, and keeps the pair.
--
-- `mark` only grows (an updated row would rot under an old snapshot like the queue itself); who reads
-- takes the newest note. Lanes and notes have no unique key: two first submits must not wait for each other.

\ir hot.sql

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

-- how old the newest note of a lane may grow; a constant once planned
create function _note_age()
returns interval language sql immutable as $_note_age$
    select interval '100 ms';
$_note_age$;

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
           least(coalesce((select j.number
                             from job as j
                            where j.state = 'ready'
                              and j.next_need = l.next_need
                              and j.priority = l.priority
                              and j.number >= m.number
                            order by j.number
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

drop function seed(integer);

create function seed(jobs integer) returns void language sql as $seed$
    select _open_lane('bench.work.v1', 100);
    insert into job (job_id, number, submitted_at, available_at, priority, state, next_need, payload, submitted_by)
    select uuidv7(), nextval('number_seq'), clock_timestamp(), clock_timestamp(), 100, 'ready', 'bench.work.v1',
           '{"invoice": 4711, "customer": "c-0815", "amount": "99.50"}', session_user
      from generate_series(1, jobs);
$seed$;

create or replace function submit(next_need text, payload jsonb, priority integer default 100,
                                  available_at timestamptz default null, submitted_by text default null)
returns uuid language plpgsql volatile security definer set search_path from current as $submit$
declare
    v_now    timestamptz := clock_timestamp();
    v_job_id uuid        := uuidv7();
    v_xid    xid8        := pg_current_xact_id();   -- before nextval: see above
begin
    if not exists (select from lane as l where l.next_need = submit.next_need and l.priority = submit.priority) then
        perform _open_lane(submit.next_need, submit.priority);
    end if;
    insert into job (job_id, number, submitted_at, available_at, priority, state, next_need, payload, submitted_by)
    values (v_job_id, nextval('number_seq'), v_now, coalesce(submit.available_at, v_now), submit.priority,
            case when submit.available_at > v_now then 'scheduled' else 'ready' end,
            submit.next_need, submit.payload, coalesce(submit.submitted_by, session_user));
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
    if v_noted_at < v_now - _note_age() then
        perform _move_marks(capabilities[1], v_now - _note_age());
    end if;

    -- Written so that the generic plan is the custom plan, as in hot.sql. The upper end is no end: a range with two
    -- bounds is estimated at half a percent of the table, so that no size of it makes reading all of it and
    -- sorting look cheaper than the index, for a thousand rows that are hardly ever wanted.
    return query
    with pick as materialized (
        select r.job_id
          from unnest((select v_priorities), (select v_numbers)) as l (priority, number)
         cross join lateral (select j.job_id
                               from job as j
                              where j.state = 'ready'
                                and j.next_need = (select capabilities[1])
                                and j.priority = l.priority
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
