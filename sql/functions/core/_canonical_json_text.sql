create or replace function _canonical_json_text(value jsonb)
returns text
language sql
immutable
as $_canonical_json_text$
    -- jsonb has one way to write a value, but for zeros at the end of a fraction. Most values have none, which a look without replacing tells. The first
    -- alternative takes strings, whatever is in them. No more than a regular expression can take: it works on four bytes a character, 1 GB in all.
    select case
        when octet_length(t.said) <= 200000000 and t.said ~ '[.][0-9]*0(?![0-9])' then
            regexp_replace(t.said, E'("(?:[^"\\\\]|\\\\.)*")|[.]0+(?![0-9])|([.][0-9]*[1-9])0+(?![0-9])', E'\\1\\2', 'g')
        else t.said
    end
    from (select value::text as said) as t
$_canonical_json_text$;

comment on function _canonical_json_text(jsonb) is 'The JSON text of a value: the same text for values that are equal as jsonb (1.10 and 1.1), another one for others.';
