-- noqa: disable=PRS,RF01,ST06
-- sqlfluff does not know FROM ONLY, and then misreads the alias after it.
create or replace view dead_letter with (security_barrier) as
select
    j.job_id,
    j.next_need,
    (j.failure).dead_reason as dead_reason,
    (j.failure).error_code as error_code,
    (j.failure).error as error,
    j.attempt,
    j.crashes,
    j.ended_at as died_at,
    j.worker_id as last_worker,
    j.singleton_key
from only job as j
-- A second relation keeps INSERT, UPDATE and DELETE out of the view, and costs nothing.
cross join (values (true)) as w (is_read_only)
where j.state = 'dead';

comment on view dead_letter is
    'Dead jobs, with the reason and the error of the last attempt. redrive makes them ready again.';
