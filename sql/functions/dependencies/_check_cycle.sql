create or replace function _check_cycle(job_id uuid, wait_for uuid[])
returns void
language plpgsql
volatile
as $_check_cycle$
declare
    v_until constant timestamptz := _now() + interval '1 s';
begin
    -- jobs that this transaction itself made, and that wait for nothing, can close no circle: nobody else has seen them
    if not exists (
        select from unnest(wait_for) as w (id)
        -- limit: a look for each, where a join could become one over all jobs
        left join lateral (select o.xmin as made_by from job as o where o.job_id = w.id limit 1) as j on true
        where j.made_by is distinct from pg_current_xact_id_if_assigned()::xid or exists (select from dependency as e where e.job_id = w.id)
    ) then
        return;
    end if;
    -- Two who add edges at once would each miss the other's: one at a time. The gate is tried for, so that nobody hangs on an idle transaction;
    -- and changed, so that an old snapshot cannot pass it unnoticed.
    loop
        perform from cycle_gate as g for update skip locked;
        exit when found;
        if _now() > v_until then
            raise exception 'another transaction is changing what jobs wait for'
                using errcode = 'serialization_failure',
                      detail = jsonb_build_object('job_id', job_id)::text,
                      hint = 'Try the transaction again.';
        end if;
        perform pg_sleep(0.01);
    end loop;
    update cycle_gate as g set passed = g.passed + 1;

    if exists (
        with recursive upstream (id) as (
            select w.id from unnest(wait_for) as w (id)
            union
            select e.waits_for
            from upstream as u
            -- offset: a look for each, where a join could become one over all edges
            cross join lateral (select o.waits_for from dependency as o where o.job_id = u.id offset 0) as e
        )
        select from upstream as u where u.id = _check_cycle.job_id
    ) then
        raise exception 'job % would wait for itself by way of others', job_id
            using errcode = 'LH004',
                  detail = jsonb_build_object('job_id', job_id, 'waits_for', wait_for[1:10])::text,
                  hint = 'One of wait_for waits, directly or not, for this job.';
    end if;
end
$_check_cycle$;

comment on function _check_cycle(uuid, uuid[]) is
    'Refuses to let an existing job wait for jobs that wait for it (LH004). Passes the gate row first, which it tries for a second (40001 after).';
