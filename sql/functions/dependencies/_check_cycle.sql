create or replace function _check_cycle(job_id uuid, wait_for uuid[])
returns void
language plpgsql
volatile
as $_check_cycle$
declare
    v_until constant timestamptz := _now() + interval '1 s';
begin
    -- Jobs that this transaction inserted and that wait for nothing cannot close a cycle: no other transaction sees
    -- them.
    if not exists (
        select from unnest(wait_for) as w (id)
        -- limit 1 forces one index lookup per row. A plain join could be planned as a scan of all jobs.
        left join lateral (select o.xmin as made_by from job as o where o.job_id = w.id limit 1) as j on true
        where j.made_by is distinct from pg_current_xact_id_if_assigned()::xid
            or exists (select from dependency as e where e.job_id = w.id)
    ) then
        return;
    end if;
    -- Two transactions that add dependencies at the same time would not see each other's rows, so cycle_gate lets one
    -- pass at a time. Its row is tried for, so that no session waits for an idle transaction. It is updated, so that a
    -- transaction with a fixed snapshot from before raises 40001.
    loop
        perform from cycle_gate as g for update skip locked;
        exit when found;
        if _now() > v_until then
            raise exception 'another transaction is adding dependencies'
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
            -- offset 0 forces one index lookup per row. A plain join could be planned as a scan of all dependencies.
            cross join lateral (select o.waits_for from dependency as o where o.job_id = u.id offset 0) as e
        )
        select from upstream as u where u.id = _check_cycle.job_id
    ) then
        raise exception 'job % would wait for itself through other jobs', job_id
            using errcode = 'LH004',
                  detail = jsonb_build_object('job_id', job_id, 'waits_for', wait_for[1:10])::text,
                  hint = 'A job in wait_for waits, directly or indirectly, for this job.';
    end if;
end
$_check_cycle$;

comment on function _check_cycle(uuid, uuid[]) is
    'Raises LH004 if an existing job would wait for jobs that wait for it. First locks and updates the row of '
    'cycle_gate, which it tries for a second before it raises 40001.';
