create or replace function _key_is_busy(job_id uuid, singleton_key text, next_need text, priority smallint)
returns boolean
language plpgsql
volatile
as $_key_is_busy$
begin
    return exists (
        select from leased as l where l.singleton_key = _key_is_busy.singleton_key and l.job_id <> _key_is_busy.job_id
    ) or exists (
        -- "not parked" would bring in the index of all heads, of any key
        select from only job as j
        where j.singleton_key = _key_is_busy.singleton_key and j.state = 'ready' and j.parked < true
            and j.next_need = _key_is_busy.next_need and j.priority <= _key_is_busy.priority and j.job_id <> _key_is_busy.job_id
    );
end
$_key_is_busy$;

comment on function _key_is_busy(uuid, text, text, smallint) is
    'Whether a job that enters the queue would only stand behind another of its singleton key. A look without a lock: who is let in wrongly '
    'is parked by the claim, who is parked wrongly is let in by the note that goes with parking.';
