create or replace function _copy_one(v_request _request)
returns uuid
language plpgsql
volatile
set plan_cache_mode to force_generic_plan
set enable_seqscan to off
set jit to off
as $_copy_one$
declare
    v_now   constant timestamptz := _now_after_xid();
    v_id    constant uuid := coalesce(v_request.job_id, _uuid_v7(v_now));
begin
    if not (_is_plain_need(v_request.next_need) and _is_plain_request(v_request)) is true then
        return (_submit_request(v_request, v_id, v_now)).job_id;
    end if;
    perform _insert_plain_jobs(
        array[v_id], array[v_request.next_need], array[v_request.payload], array[v_request.priority], v_now
    );
    return v_id;
end
$_copy_one$;

comment on function _copy_one(_request) is
    'Submits one row of submission and returns the id of its job. It pins the plans: _copy_row does not, because it is '
    'called for each row of a COPY.';
