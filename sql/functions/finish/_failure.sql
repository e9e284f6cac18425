create or replace function _failure(error text, error_code text, dead_reason text default null)
returns _failure
language sql
immutable
as $_failure$
    select case when num_nonnulls(error, error_code, dead_reason) > 0 then (error, error_code, dead_reason)::_failure end
$_failure$;

comment on function _failure(text, text, text) is 'How an execution failed, for a job''s column failure: null where there is nothing to tell.';
