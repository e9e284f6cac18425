create or replace function _pack_failure(error text, error_code text, dead_reason text default null)
returns _job_failure
language sql
immutable
as $_pack_failure$
    select case
        when num_nonnulls(error, error_code, dead_reason) > 0 then (error, error_code, dead_reason)::_job_failure
    end
$_pack_failure$;

comment on function _pack_failure(text, text, text) is
    'How an execution failed, as a value of the column failure. Null if all arguments are null.';
