create or replace function _tell_dependents(job_id uuid, nested boolean default false)
returns void
language plpgsql
volatile
as $_tell_dependents$
declare
    v_ids       uuid[];
    v_at_once   constant integer := 100;
begin
    select array_agg(w.job_id) into v_ids
    from (select e.job_id from edge as e where e.waits_for = _tell_dependents.job_id order by e.job_id limit v_at_once + 1) as w;
    -- a look above READ COMMITTED is an old one: it may have missed an edge, so a later transaction looks again
    if v_ids is null and not _isolated() then
        return;
    end if;
    if nested or cardinality(v_ids) > v_at_once or _isolated() then
        -- many, or one end that brings about others: left for get_work and sweep, so that this call stays quick
        insert into note (kind, job_id) values ('changed', _tell_dependents.job_id);
        return;
    end if;
    perform _tell(job_id, v_ids, _now());
end
$_tell_dependents$;

comment on function _tell_dependents(uuid, boolean) is
    'A job ended, or came back from the dead: moves what waits for it, at once when few, by a note when many. To be called under the lock of the '
    'job''s row, in a statement after the one that took it: an edge that commits later brings a note of its own.';
