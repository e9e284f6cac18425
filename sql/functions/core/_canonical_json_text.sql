create or replace function _canonical_json_text(value jsonb)
returns text
language sql
immutable
as $_canonical_json_text$
    -- jsonb writes equal values alike, except for trailing zeros of a fraction. Most values have none, which a match
    -- tells without a replacement. The first alternative of the pattern consumes strings, whatever they contain. The
    -- size is limited because the regular expression engine uses four bytes a character, and can use 1 GB in all.
    select case
        when octet_length(t.said) <= 200000000 and t.said ~ '[.][0-9]*0(?![0-9])' then
            regexp_replace(
                t.said, E'("(?:[^"\\\\]|\\\\.)*")|[.]0+(?![0-9])|([.][0-9]*[1-9])0+(?![0-9])', E'\\1\\2', 'g'
            )
        else t.said
    end
    from (select value::text as said) as t
$_canonical_json_text$;

comment on function _canonical_json_text(jsonb) is
    'Returns the JSON text of a value: the same text for values that are equal as jsonb (1.10 and 1.1), and different '
    'texts for values that are not.';
