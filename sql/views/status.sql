create or replace view status with (security_barrier) as
select
    j.next_need,
    count(*) filter (where j.state = 'blocked') as blocked,
    count(*) filter (where j.state = 'scheduled') as scheduled,
    count(*) filter (where j.state = 'ready') as ready,
    count(*) filter (where j.state = 'leased') as leased,
    count(*) filter (where j.state = 'dead') as dead,
    min(j.available_at) filter (where j.state = 'ready') as oldest_ready,
    min(j.available_at) filter (where j.state = 'scheduled') as next_due
from job as j
group by j.next_need;

comment on view status is
    'Counts live jobs by need and state. oldest_ready: since when the oldest ready job could run. next_due: when the '
    'next scheduled job becomes available.';
