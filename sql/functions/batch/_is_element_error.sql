create or replace function _is_element_error(error_code text)
returns boolean
language sql
immutable
as $_is_element_error$
    -- Errors of the engine, of unreadable values (data exceptions), and of a row that a fixed snapshot cannot lock.
    select left(error_code, 2) in ('LH', '22') or error_code = '40001'
$_is_element_error$;

comment on function _is_element_error(text) is
    'Whether an error comes from an element of a batch, and can be its answer. Any other error is raised.';
