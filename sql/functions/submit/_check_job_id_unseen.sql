create or replace function _check_job_id_unseen(job_id uuid)
returns void
language plpgsql
volatile
as $_check_job_id_unseen$
begin
    -- The unique indexes know rows that a fixed snapshot does not show: ON CONFLICT raises 40001 for a conflicting row
    -- that this transaction cannot see.
    insert into archive (
        job_id, submitted_at, available_at, ended_at, attempt, priority, crashes, cancel_requested, state, next_need,
        submitted_by, on_dependency_failure, payload
    ) values (_check_job_id_unseen.job_id, 'epoch', 'epoch', 'epoch', 0, 0, 0, false, 'cancelled', '', '', '', '{}')
    on conflict on constraint archive_pkey do nothing;
    insert into job (
        job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by, on_dependency_failure,
        payload
    ) values (_check_job_id_unseen.job_id, 0, 'epoch', 'epoch', 0, 'blocked', '', '', '', '{}')
    on conflict on constraint job_pkey do nothing;
    insert into ready (
        job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by, on_dependency_failure,
        payload
    ) values (_check_job_id_unseen.job_id, 0, 'epoch', 'epoch', 0, 'ready', '', '', '', '{}')
    on conflict on constraint ready_pkey do nothing;
    insert into leased (
        job_id, number, submitted_at, available_at, priority, state, next_need, submitted_by, on_dependency_failure,
        payload
    ) values (_check_job_id_unseen.job_id, 0, 'epoch', 'epoch', 0, 'leased', '', '', '', '{}')
    on conflict on constraint leased_pkey do nothing;
    raise exception 'rolls the inserts back';
exception
    when raise_exception then
        null;
end
$_check_job_id_unseen$;

comment on function _check_job_id_unseen(uuid) is
    'With a fixed snapshot: raises 40001 if a job of this id exists that the transaction cannot see. It inserts a row '
    'into each table of jobs to find out, and rolls the inserts back.';
