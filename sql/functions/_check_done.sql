create or replace function _check_done(done jsonb)
returns void
language plpgsql
stable
as $_check_done$
declare
    v_bad   record;
    v_verbs constant jsonb := jsonb '{
        "complete": ["result"],
        "fail": ["error", "retryable", "retry_after", "error_code"],
        "release": ["available_at"],
        "reschedule": [
            "next_need", "payload", "wait_for", "available_at", "priority", "expires_at", "max_attempts", "retry", "on_dependency_failure"
        ],
        "extend": ["lease"]
    }';
begin
    perform _check_elements('done', done);
    -- a word that no verb knows is a mistake that would go unnoticed
    select d.ordinality - 1 as index, d.element ->> 'verb' as verb, k.key
    into v_bad
    from jsonb_array_elements(done) with ordinality as d (element, ordinality)
    cross join jsonb_object_keys(d.element) as k (key)
    where not v_verbs ? coalesce(d.element ->> 'verb', '')
        or k.key not in ('job_id', 'lease_id', 'verb') and not v_verbs -> (d.element ->> 'verb') ? k.key
    order by d.ordinality, k.key
    limit 1;
    if not found then
        return;
    elsif not v_verbs ? coalesce(v_bad.verb, '') then
        perform _invalid(format('done[%s].verb', v_bad.index), 'must be one of complete, fail, release, reschedule, extend');
    end if;
    perform _invalid(format('done[%s]', v_bad.index), format('has a key that %s does not know: %s', v_bad.verb, to_json(v_bad.key)));
end
$_check_done$;

comment on function _check_done(jsonb) is
    'Refuses a batch of which an element names no job, no lease, no verb, or what its verb does not know (LH010).';
