create or replace function _key_is_busy(job_id uuid, singleton_key text, next_need text, priority smallint)
returns boolean
language plpgsql
volatile
as $_key_is_busy$
begin
    return exists (
        select from leased as l
        where l.singleton_key = _key_is_busy.singleton_key and l.job_id <> _key_is_busy.job_id
    ) or exists (
        -- With "not parked" the planner could choose the index of the heads of all keys.
        select from only job as j
        where j.singleton_key = _key_is_busy.singleton_key and j.state = 'ready' and j.parked < true
            and j.next_need = _key_is_busy.next_need and j.priority <= _key_is_busy.priority
            and j.job_id <> _key_is_busy.job_id
    );
end
$_key_is_busy$;

comment on function _key_is_busy(uuid, text, text, smallint) is
    'Whether a job that enters the queue would go behind another job of its singleton key. Reads without a lock. A '
    'job that is wrongly let in is parked by the claim; a job that is wrongly parked is let in by the deferred item '
    'that goes with parking.';
