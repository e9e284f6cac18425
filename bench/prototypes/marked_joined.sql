-- Variant of C: the claim joins lanes and notes itself, after a statement that looks whether notes are
-- stale: two readings of the newest note instead of one.

\ir marked.sql

create or replace function get_work(worker_id text, capabilities text[], lease interval default '60 s', limit_jobs integer default 1)
returns setof work language plpgsql volatile security definer set search_path from current as $get_work$
declare
    v_now timestamptz := clock_timestamp();
    v_end bigint      := 9223372036854775807;
begin
    -- a look before the call: most claims find the notes fresh
    if exists (select
                 from lane as l
                cross join lateral (select k.noted_at
                                      from mark as k
                                     where k.next_need = l.next_need and k.priority = l.priority
                                     order by k.mark_id desc
                                     limit 1) as m
                where l.next_need = (select capabilities[1])
                  and m.noted_at < v_now - _note_age()) then
        perform _move_marks(capabilities[1], v_now - _note_age());
    end if;

    return query
    with pick as materialized (
        select r.job_id
          from (select distinct l.next_need, l.priority
                  from lane as l
                 where l.next_need = (select capabilities[1])
                 order by l.priority) as l
         cross join lateral (select k.number
                               from mark as k
                              where k.next_need = l.next_need and k.priority = l.priority
                              order by k.mark_id desc
                              limit 1) as m
         cross join lateral (select j.job_id
                               from job as j
                              where j.state = 'ready'
                                and j.next_need = l.next_need
                                and j.priority = l.priority
                                and j.number >= m.number
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
