create or replace view departure as
select
    h.job_id,
    h.at,
    h.event,
    h.actor,
    h.state,
    h.attempt,
    h.detail
from history as h;

comment on view departure is 'What departed from the happy path, job by job: failed attempts, reclaimed leases, cancellations, redrives, acts of people.';
