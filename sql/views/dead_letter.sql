-- noqa: disable=PRS,RF01,ST06
-- sqlfluff does not know FROM ONLY, nor then the alias after it
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
-- a second relation, which costs nothing: no INSERT, UPDATE or DELETE through the view
cross join (values (true)) as w (is_read_only)
where j.state = 'dead';

comment on view dead_letter is 'Dead jobs, why they died, and what their last attempt said. redrive brings them back.';
