-- Variant of C, an upper bound: claims as heap-only updates. The claim index is on what is queued, ready or leased
-- alike, so a claim changes no indexed column; leased rows left in it lie below the mark, where no claim looks.
-- Nothing finds a lease that ran out here: whatever does would have to be added to these figures.

\ir marked.sql

drop index job_ready_idx, job_lease_idx;
alter table job set (fillfactor = 70);
alter table job add column queued boolean not null default true;
create index job_ready_idx on job (next_need, priority, number) where queued;

create or replace function _move_marks(next_need text, noted_before timestamptz)
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
                            where j.queued
                              and j.state = 'ready'
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

    return query
    with pick as materialized (
        select r.job_id
          from unnest((select v_priorities), (select v_numbers)) as l (priority, number)
         cross join lateral (select j.job_id
                               from job as j
                              where j.queued
                                and j.state = 'ready'
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
