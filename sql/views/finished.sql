create or replace view finished as
select
    a.job_id,
    a.next_need,
    a.state,
    a.result,
    a.attempt,
    a.worker_id,
    a.submitted_at,
    a.leased_at,
    a.ended_at
from archive as a;

comment on view finished is 'Jobs that succeeded or were cancelled: result, attempts, by whom and when.';
