create or replace function _try_settle_element(element jsonb, index bigint)
returns settled
language plpgsql
volatile
as $_try_settle_element$
declare
    v_settled settled;
begin
    return _settle_element(element, index);
exception
    when others then
        if not _is_element_error(sqlstate) then
            raise;
        end if;
        v_settled.job_id := (element ->> 'job_id')::uuid;
        v_settled.lease_id := (element ->> 'lease_id')::uuid;
        v_settled.verb := element ->> 'verb';
        v_settled.ok := false;
        get stacked diagnostics
            v_settled.error_code = returned_sqlstate,
            v_settled.message = message_text,
            v_settled.detail = pg_exception_detail,
            v_settled.hint = pg_exception_hint;
        return v_settled;
end
$_try_settle_element$;

comment on function _try_settle_element(jsonb, bigint) is
    'Settles one element of a batch in a subtransaction of its own. If that fails, returns the error as its answer.';
