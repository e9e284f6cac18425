create or replace function _check_done(done jsonb)
returns void
language plpgsql
stable
as $_check_done$
declare
    v_index bigint;
    v_ids   constant jsonb := jsonb '{"job_id": "string", "lease_id": "string", "verb": "string"}';
    v_kinds constant jsonb := jsonb_build_object(
        'complete', v_ids || '{"result": "any"}',
        'fail', v_ids || '{"error": "string", "retryable": "boolean", "retry_after": "string", "error_code": "string"}',
        'release', v_ids || '{"available_at": "string"}',
        'reschedule', v_ids || (_request_kinds() - array['job_id', 'singleton_key', 'idempotency_key', 'metadata', 'submitted_by']),
        'extend', v_ids || '{"lease": "string"}'
    );
begin
    perform _check_elements('done', done);
    select d.ordinality - 1 into v_index
    from jsonb_array_elements(done) with ordinality as d (element, ordinality)
    where not v_kinds ? coalesce(d.element ->> 'verb', '')
    order by d.ordinality
    limit 1;
    if found then
        perform _invalid(format('done[%s].verb', v_index), 'must be one of complete, fail, release, reschedule, extend');
    end if;
    perform _check_keys('done', done, v_kinds);
end
$_check_done$;

comment on function _check_done(jsonb) is
    'Refuses a batch of which an element names no job, no lease, no verb, or what its verb does not know (LH010).';
