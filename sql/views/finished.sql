-- noqa: disable=ST06
-- The order of the columns is older than the computed one.
create or replace view finished with (security_barrier) as
select
    a.job_id,
    a.next_need,
    a.state,
    case when c.sees_results then a.result end as result,
    a.attempt,
    a.worker_id,
    a.submitted_at,
    a.leased_at,
    a.ended_at
from archive as a
-- Decides as job() does. A second relation also keeps INSERT, UPDATE and DELETE out of the view.
cross join (values (has_function_privilege('job_payload(uuid)'::regprocedure, 'execute'))) as c (sees_results);

comment on view finished is
    'Jobs that succeeded or were cancelled: result (null for a role that may not call job_payload), attempts, worker '
    'and times.';
