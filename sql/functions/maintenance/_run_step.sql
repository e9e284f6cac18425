create or replace function _run_step(step text, subjects text[], now timestamptz)
returns integer
language plpgsql
volatile
as $_run_step$
declare
    v_job   job;
    v_id    uuid;
    v_count integer := 0;
begin
    case step
        when 'promote' then
            return _enqueue(subjects::uuid[], now);
        when 'reclaim' then
            foreach v_id in array subjects::uuid[] loop
                v_count := v_count + _reclaim_one(v_id, now)::integer;
            end loop;
        when 'expire' then
            -- a statement of its own, which reads the rows as they are now that the locks are held
            for v_job in
                select j.* from job as j where j.job_id = any (subjects::uuid[]) order by j.expires_at
            loop
                perform _bury_expired(v_job, now);
                perform _defer_propagation(v_job.job_id);
                v_count := v_count + 1;
            end loop;
        when 'heartbeats' then
            delete from heartbeat as h where h.fence = any (subjects::bigint[]);
            get diagnostics v_count = row_count;
        when 'waiters' then
            delete from waiter as w where w.ctid = any (subjects::tid[]);
            get diagnostics v_count = row_count;
    end case;
    return v_count;
end
$_run_step$;

comment on function _run_step(text, text[], timestamptz) is
    'Performs one step of maintenance on rows whose locks the caller holds: promote, reclaim and expire (subjects: job '
    'ids), heartbeats (fences), waiters (ctids). Returns for how many rows. Called by _run_contained_step, which '
    'contains the errors it raises.';
