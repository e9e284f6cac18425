create or replace function _clean_error(error text)
returns text
language sql
immutable
as $_clean_error$
    select left(
        regexp_replace(
            coalesce(nullif(error, ''), 'unknown error'), E'[\\u0001-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]', '?', 'g'
        ), 10000
    )
$_clean_error$;

comment on function _clean_error(text) is 'An error text that can be stored and shown: control characters replaced, cut at 10,000 characters.';
