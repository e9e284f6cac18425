create or replace function _check_job_id_unseen(job_id uuid)
returns void
language plpgsql
volatile
as $_check_job_id_unseen$
begin
    -- The unique indexes see what an old snapshot does not: on conflict raises 40001 for a row that this transaction cannot see.
    insert into archive (
        job_id, submitted_at, available_at, ended_at, attempt, priority, crashes, cancel_requested, state, next_need, submitted_by,
        on_dependency_failure, payload
    ) values (_check_job_id_unseen.job_id, 'epoch', 'epoch', 'epoch', 0, 0, 0, false, 'cancelled', '', '', '', '{}')
    on conflict on constraint archive_pkey do nothing;
    insert into job (job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by, on_dependency_failure, payload)
    values (_check_job_id_unseen.job_id, 0, 'epoch', 'epoch', 0, 'blocked', '', '', '', '{}')
    on conflict on constraint job_pkey do nothing;
    insert into ready (job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by, on_dependency_failure, payload)
    values (_check_job_id_unseen.job_id, 0, 'epoch', 'epoch', 0, 'ready', '', '', '', '{}')
    on conflict on constraint ready_pkey do nothing;
    insert into leased (job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by, on_dependency_failure, payload)
    values (_check_job_id_unseen.job_id, 0, 'epoch', 'epoch', 0, 'leased', '', '', '', '{}')
    on conflict on constraint leased_pkey do nothing;
    raise exception 'only a try';
exception
    when raise_exception then
        null;
end
$_check_job_id_unseen$;

comment on function _check_job_id_unseen(uuid) is
    'Above READ COMMITTED: raises 40001 where a job of this id exists that the transaction cannot see. Writes nothing that stays.';
