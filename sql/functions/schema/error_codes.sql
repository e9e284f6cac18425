create or replace function error_codes()
returns setof error_info
language sql
immutable
security definer
set search_path from current
as $error_codes$
    values
    ('LH001', 'lease_expired', 'the lease has ended, and the job was reclaimed'),
    ('LH002', 'lease_mismatch', 'the job has no such lease'),
    ('LH003', 'job_not_found', 'no live or archived job has this id'),
    ('LH004', 'dependency_violation', 'wait_for names an unknown job or the job itself, or closes a cycle'),
    ('LH005', 'job_exists', 'the job_id was used before'),
    ('LH006', 'idempotency_conflict', 'the key was used for a different request'),
    ('LH007', 'job_cancelled', 'cancellation was requested or is done: stop'),
    ('LH008', 'job_finished', 'the job has already ended in another way'),
    ('LH009', 'invalid_state', 'the job or the installation is in a state that does not allow the call'),
    ('LH010', 'invalid_argument', 'an argument is null, empty, out of range, too long, of the wrong kind or past'),
    ('LH011', 'payload_too_large', 'a payload, result or checkpoint exceeds the configured size'),
    ('LH017', 'version_mismatch', 'the versions of client, schema, installer or server do not fit'),
    (
        'LH018', 'already_done',
        'this lease completed the job before; a call that stands alone reports success; lease_status has the result'
    )
$error_codes$;

comment on function error_codes() is
    'Lists every error code of Leasehold: code, name, and when it is raised. Bindings are tested against this list.';
