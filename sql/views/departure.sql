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
-- A second relation keeps INSERT, UPDATE and DELETE out of the view, and costs nothing.
cross join (values (true)) as w (is_read_only);

comment on view departure is
    'Events that depart from the usual course of submit, claim and complete: failed attempts, reclaimed leases, '
    'cancellations, redrives, acts of operators. error is that of each attempt, while dead_letter has only the last. '
    'actor is the name that the caller gave; login is the role that was logged in.';
