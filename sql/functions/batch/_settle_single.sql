create or replace function _settle_single(done jsonb)
returns settled
language plpgsql
volatile
as $_settle_single$
declare
    v_element   constant jsonb := done -> 0;
    v_job_id    uuid;
    v_lease_id  uuid;
    v_awaited   boolean;
begin
    if jsonb_typeof(done) is distinct from 'array' then
        return null;
    elsif jsonb_array_length(done) <> 1 or _is_plain_complete(v_element) is not true then
        return null;
    end if;
    begin
        v_job_id := (v_element ->> 'job_id')::uuid;
        v_lease_id := (v_element ->> 'lease_id')::uuid;
    exception
        when invalid_text_representation then
            return null;
    end;
    v_awaited := _archive_leased(
        v_job_id, v_lease_id, 'succeeded', v_element -> 'result', null, _now_after_xid()
    );
    if v_awaited is null then
        return null;
    elsif v_awaited then
        perform _propagate_end(v_job_id);
    end if;
    return (v_job_id, v_lease_id, 'complete', true, 'succeeded', null, null, null, null, null, null, null)::settled;
end
$_settle_single$;

comment on function _settle_single(jsonb) is
    'Settles a batch of one element if that is a plain complete of a current lease, as in a turn it nearly always is, '
    'and returns its answer. Returns null for any other batch, and then nothing was done. The statement for many jobs '
    'makes a turn a third more expensive. Locks what complete locks.';
