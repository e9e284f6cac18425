-- Variant of A: a small integer from a dictionary of needs in the claim index, instead of the need's text.

\ir hot.sql

create table need (
    need_id   integer not null generated always as identity,
    next_need text    not null collate "C",
    constraint need_pkey primary key (next_need)
);

insert into need (next_need) values ('bench.work.v1');

drop index job_ready_idx;
alter table job add column need_id integer not null default 1;
create index job_ready_idx on job (need_id, priority, number) where state = 'ready';

create or replace function submit(next_need text, payload jsonb, priority integer default 100,
                                  available_at timestamptz default null, submitted_by text default null)
returns uuid language plpgsql volatile security definer set search_path from current as $submit$
declare
    v_now     timestamptz := clock_timestamp();
    v_job_id  uuid        := uuidv7();
    v_need_id integer;
begin
    select n.need_id into v_need_id from need as n where n.next_need = submit.next_need;
    insert into job (job_id, number, submitted_at, available_at, priority, state, next_need, payload, submitted_by, need_id)
    values (v_job_id, nextval('number_seq'), v_now, coalesce(submit.available_at, v_now), submit.priority,
            case when submit.available_at > v_now then 'scheduled' else 'ready' end,
            submit.next_need, submit.payload, coalesce(submit.submitted_by, session_user), v_need_id);
    return v_job_id;
end
$submit$;

create or replace function get_work(worker_id text, capabilities text[], lease interval default '60 s', limit_jobs integer default 1)
returns setof work language plpgsql volatile security definer set search_path from current as $get_work$
declare
    v_now timestamptz := clock_timestamp();
begin
    return query
    with pick as materialized (
        select r.job_id
          from (select j.job_id
                  from job as j
                 where j.state = 'ready'
                   and j.need_id = (select n.need_id from need as n where n.next_need = (select capabilities[1]))
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
