create or replace view departure with (security_barrier) as
select
    h.job_id,
    h.at,
    h.event,
    h.actor,
    h.state,
    h.attempt,
    h.detail,
    h.error,
    h.error_code,
    h.login
from history as h
-- a second relation, which costs nothing: no INSERT, UPDATE or DELETE through the view
cross join (values (true)) as w (is_read_only);

comment on view departure is
    'What departed from the happy path, job by job: failed attempts, reclaimed leases, cancellations, redrives, acts of people. The error is that of '
    'each attempt, where dead_letter has the last; actor is who the caller says did it, login who was logged in.';
