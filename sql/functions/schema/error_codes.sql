create or replace function error_codes()
returns setof error_info
language sql
immutable
security definer
set search_path from current
as $error_codes$
    values
    ('LH001', 'lease_expired', 'an earlier lease of this job: it ended, and the job was taken away'),
    ('LH002', 'lease_mismatch', 'no lease of this job'),
    ('LH003', 'job_not_found', 'no live or archived job of that id'),
    ('LH004', 'dependency_violation', 'an unknown job, itself, or a circle in wait_for'),
    ('LH005', 'job_exists', 'the job_id was used before'),
    ('LH006', 'idempotency_conflict', 'the key was used for a different request'),
    ('LH007', 'job_cancelled', 'cancellation was asked for, or done: stop'),
    ('LH008', 'job_finished', 'it already ended otherwise'),
    ('LH009', 'invalid_state', 'held where it must be unheld, and so on'),
    ('LH010', 'invalid_argument', 'null, empty, negative, infinite, too long, not an object, past'),
    ('LH011', 'payload_too_large', 'payload, result or checkpoint above the configured cap'),
    ('LH017', 'version_mismatch', 'the client and the schema do not fit'),
    ('LH018', 'already_done', 'this very lease completed the job before: a success for a call that stood alone; lease_status has the result')
$error_codes$;

comment on function error_codes() is 'Every SQLSTATE that Leasehold raises: code, name, when. Bindings are tested against this list.';
