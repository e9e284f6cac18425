create or replace function _propagate_end(job_id uuid, nested boolean default false)
returns void
language plpgsql
volatile
as $_propagate_end$
declare
    v_ids       uuid[];
    v_at_once   constant integer := 100;
begin
    select array_agg(w.job_id) into v_ids
    from (select e.job_id from dependency as e where e.waits_for = _propagate_end.job_id order by e.job_id limit v_at_once + 1) as w;
    -- a look above READ COMMITTED is an old one: it may have missed an edge, so a later transaction looks again
    if v_ids is null and not _snapshot_is_fixed() then
        return;
    end if;
    if nested or cardinality(v_ids) > v_at_once or _snapshot_is_fixed() then
        -- many, or one end that brings about others: left for get_work and sweep, so that this call stays quick
        insert into deferred (kind, job_id) values ('ended', _propagate_end.job_id);
        return;
    end if;
    perform _propagate_to(job_id, v_ids, _now());
end
$_propagate_end$;

comment on function _propagate_end(uuid, boolean) is
    'A job ended, or came back from the dead: moves what waits for it, at once when few, by a note when many. To be called under the lock of the '
    'job''s row, in a statement after the one that took it: an edge that commits later brings a note of its own.';
