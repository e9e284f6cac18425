create or replace function _is_retryable(retry jsonb, error text, error_code text)
returns boolean
language sql
stable
as $_is_retryable$
    select not coalesce(p.policy ? 'retryable', false)
        or exists (
            select from jsonb_array_elements_text(p.policy -> 'retryable') as l (pattern)
            where coalesce(error_code, error) like l.pattern
        )
    from (select coalesce(retry, _setting_value('retry')::jsonb) as policy) as p
$_is_retryable$;

comment on function _is_retryable(jsonb, text, text) is
    'Whether the policy''s retryable patterns, where it has any, match the error code, or else the error.';
