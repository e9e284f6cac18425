create or replace function _is_retryable(retry jsonb, error text, error_code text)
returns boolean
language plpgsql
stable
as $_is_retryable$
declare
    v_policy constant jsonb := coalesce(retry, _setting_value('retry')::jsonb);
begin
    return not v_policy ? 'retryable'
        or exists (
            select from jsonb_array_elements_text(v_policy -> 'retryable') as l (pattern)
            where coalesce(error_code, error) like l.pattern
        );
end
$_is_retryable$;

comment on function _is_retryable(jsonb, text, text) is
    'Whether the retry policy allows another attempt. If the policy has retryable patterns, one of them must match '
    'the error code or, without a code, the error.';
