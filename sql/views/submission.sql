create or replace view submission as
select
    null::_submitted_need as next_need,
    null::jsonb as payload,
    null::uuid as job_id,
    null::uuid[] as wait_for,
    null::text as singleton_key,
    null::text as idempotency_key,
    null::integer as priority,
    null::timestamptz as available_at,
    null::timestamptz as expires_at,
    null::integer as max_attempts,
    null::jsonb as retry,
    null::text as on_dependency_failure,
    null::jsonb as metadata,
    null::text as submitted_by
where false;

comment on view submission is
    'Accepts jobs by INSERT and COPY. Its columns are the parameters of submit; null, or a column left out, means the '
    'default of submit, and a row is refused with the errors of submit. In the text of a COPY, a time without an '
    'offset is in the time zone of the session. RETURNING job_id returns the job that the row resulted in. A row may '
    'wait for earlier ones. The view is always empty; to read jobs, use status or job(job_id).';

create or replace trigger submission_begins before insert on submission
for each statement execute function _copy_begin();
create or replace trigger submission_row instead of insert on submission
for each row execute function _copy_row();
create or replace trigger submission_ends after insert on submission
for each statement execute function _copy_end();
