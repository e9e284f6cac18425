create or replace function _submit_request(v_request _request, job_id uuid, now timestamptz)
returns submitted
language plpgsql
volatile
as $_submit_request$
declare
    v_first uuid;
begin
    perform _check_submit(v_request);
    if v_request.idempotency_key is not null then
        v_first := _reserve_key(
            v_request.idempotency_key, job_id,
            _request_hash(v_request.next_need, v_request.payload, v_request.job_id)
        );
        if v_first is not null then
            return _answer_known_job(v_first);
        end if;
    end if;
    if v_request.job_id is not null then
        perform _reserve_id(v_request.job_id);
    end if;
    return _store_job(v_request, job_id, now);
end
$_submit_request$;

comment on function _submit_request(_request, uuid, timestamptz) is
    'Submits one job of any kind: checks the request, in which the defaults are filled in (_fill_defaults), reserves '
    'its key and its id, and writes it. job_id: the id in the request, or one made for it. now: _now_after_xid(). '
    'Raises what submit raises.';
