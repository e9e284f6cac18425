create or replace function _clean_error(error text)
returns text
language sql
immutable
as $_clean_error$
    -- The text is cut first: a regular expression needs four bytes a character and fails above 1 GB.
    select regexp_replace(
        coalesce(nullif(left(error, 10000), ''), 'unknown error'),
        E'[\\u0001-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]', '?', 'g'
    )
$_clean_error$;

comment on function _clean_error(text) is
    'An error text that can be stored and shown: control characters are replaced, and the text is cut at 10,000 '
    'characters.';
