-- Variant of C: the claim replaces the row (delete, insert) instead of updating it. `for update skip locked` with an
-- older snapshot follows an updated row to its new version, locks that, and keeps the lock when the version turns out
-- to be leased: the worker that holds the lease then waits for a stranger's transaction. A deleted row has no new version.

\ir marked.sql

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
    ), gone as (
        delete from job as j
         where j.job_id = any (array(select p.job_id from pick as p))
        returning j.*
    ), taken as (
        insert into job
        select g.job_id, g.number, nextval('fence_seq'), g.submitted_at, g.available_at, v_now, v_now + lease, v_now + lease,
               g.expires_at, g.cancel_requested_at, gen_random_uuid(), g.run_id, g.attempt + 1, g.max_attempts, g.priority,
               g.crashes, 'leased', g.next_need, g.payload, g.submitted_by, get_work.worker_id, g.singleton_key,
               g.idempotency_key, g.on_dependency_failure, g.retry, g.metadata, g.error, g.error_code, g.step
          from gone as g
        returning *
    )
    select t.job_id, t.lease_id, t.fence, t.next_need, t.payload, t.attempt, t.max_attempts, t.lease_expires_at,
           t.singleton_key, t.metadata
      from taken as t
     order by t.priority, t.number;
end
$get_work$;
